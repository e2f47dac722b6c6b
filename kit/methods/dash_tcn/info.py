"""DASH-TCN: DASH on a temporal convolutional network (its Table 7)."""

from __future__ import annotations

from kit.method import MethodInfo
from kit.methods.dash.info import DashSettings

METHOD = MethodInfo(
    name="dash-tcn",
    title="DASH-TCN",
    version=1,
    stages=("search", "tune", "retrain"),
    settings_type=DashSettings,
    dims=(1,),
    extends="dash",
)
