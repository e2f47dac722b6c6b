"""DASH-ConvNeXt: DASH on a ConvNeXt (its Tables 8 to 10)."""

from __future__ import annotations

from kit.method import MethodInfo
from kit.methods.dash.info import DashSettings

METHOD = MethodInfo(
    name="dash-convnext",
    title="DASH-ConvNeXt",
    version=1,
    stages=("search", "tune", "retrain"),
    settings_type=DashSettings,
    dims=(2,),
    extends="dash",
)
