"""BABY DASH: DASH over a small space (its Table 5)."""

from __future__ import annotations

from kit.method import MethodInfo
from kit.methods.dash.info import DashSettings

METHOD = MethodInfo(
    name="baby-dash",
    title="BABY DASH: K = {3, 5}, D = {1, 2}; not stated in the appendix",
    version=1,
    stages=("search", "tune", "retrain"),
    settings_type=DashSettings,
    extends="dash",
)
