"""WRN: the backbone of both papers as it is, untuned (NAS-Bench-360, section 4 and D.1)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from kit import backbones
from kit.method import MethodInfo
from kit.settings import (
    BelowOne,
    Count,
    Share,
    Speed,
    TrainingSettings,
)


class WrnSettings(TrainingSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of a backbone that is trained as it is.

    Attributes:
        variant: whose released code the backbone follows where the papers' codes differ.
        batch_fraction: epochs see the first int(fraction * batches) + 1 of the shuffled batches.
        backbone_options: further arguments of the backbone's ``build``.
        speed: options that make training faster; all are off in the papers' runs.
    """

    backbone: str
    variant: Literal["dash", "nas-bench-360"] = "nas-bench-360"
    batch_fraction: Share = 1.0
    dropout: BelowOne = 0.0
    width: Count | None = None
    backbone_options: Mapping[str, bool | int | float | str] = {}
    speed: Speed = Speed()

    def check(self, sample_shape: tuple[int, ...], outputs: int, dense: bool) -> None:
        """Check the settings against the samples.

        Raises:
            KitError: they do not fit, or the backbone takes other samples.
        """
        super().check(sample_shape, outputs, dense)
        backbones.check(self.backbone, len(sample_shape) - 1)


METHOD = MethodInfo(
    name="wrn",
    title="WRN",
    version=1,
    stages=("train",),
    settings_type=WrnSettings,
)
