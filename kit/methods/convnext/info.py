"""ConvNeXt: the backbone of dash-convnext as it is (DASH's Tables 8 to 10)."""

from __future__ import annotations

from kit.method import MethodInfo
from kit.methods.wrn.info import WrnSettings

METHOD = MethodInfo(
    name="convnext",
    title="ConvNeXt",
    version=1,
    stages=("train",),
    settings_type=WrnSettings,
    dims=(2,),
    extends="wrn",
)
