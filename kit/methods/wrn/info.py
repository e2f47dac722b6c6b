"""WRN: the backbone of both papers as it is, untuned (NAS-Bench-360, section 4 and D.1)."""

from __future__ import annotations

from kit.method import MethodInfo
from kit.settings import Optimiser, Schedule, Settings


class WrnSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of WRN; without a loss, the task's own."""

    backbone: str
    epochs: int
    batch_size: int
    optimiser: Optimiser
    schedule: Schedule
    dropout: float = 0.0
    width: int | None = None
    loss: str | None = None


METHOD = MethodInfo(
    name="wrn",
    title="WRN",
    version=1,
    stages=("train",),
    settings_type=WrnSettings,
)
