"""TCN: the temporal convolutional network as it is (DASH's Tables 5 and 7)."""

from __future__ import annotations

from kit.method import MethodInfo
from kit.methods.wrn.info import WrnSettings

METHOD = MethodInfo(
    name="tcn",
    title="TCN",
    version=1,
    stages=("train",),
    settings_type=WrnSettings,
    dims=(1,),
    extends="wrn",
)
