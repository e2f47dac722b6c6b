"""WRN: the backbone of both papers as it is, untuned (NAS-Bench-360, section 4 and D.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from kit.method import MethodInfo
from kit.settings import (
    BelowOne,
    Count,
    NetworkSettings,
    Optimiser,
    Positive,
    Schedule,
    Share,
)


class WrnSettings(NetworkSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of a backbone that is trained as it is.

    Attributes:
        variant: whose variant of the backbone.
        batch_fraction: epochs see the first int(fraction * batches) + 1 of the shuffled batches.
        backbone_options: further arguments of the backbone's ``build``.
        loss: None for the task's own.
    """

    backbone: str
    epochs: Positive
    batch_size: Positive
    optimiser: Optimiser
    schedule: Schedule
    variant: Literal["dash", "nas-bench-360"] = "nas-bench-360"
    batch_fraction: Share = 1.0
    dropout: BelowOne = 0.0
    width: Count | None = None
    backbone_options: Mapping[str, bool | int | float | str] = {}
    loss: str | None = None


METHOD = MethodInfo(
    name="wrn",
    title="WRN",
    version=1,
    stages=("train",),
    settings_type=WrnSettings,
)
