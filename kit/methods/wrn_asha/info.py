"""WRN-ASHA: the backbone with its training settings tuned (NAS-Bench-360, section 4 and D.1)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from kit.method import MethodInfo
from kit.methods.wrn.info import WrnSettings
from kit.trials.halving import Halving

Share = Annotated[float, Meta(ge=0, lt=1)]
Positive = Annotated[float, Meta(gt=0)]


class Configuration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What is tuned."""

    dropout: float
    learning_rate: float
    momentum: float
    weight_decay: float


class Tune(Halving, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The search: random configurations that compete by their scores on the validation fold.

    Attributes:
        every: epochs between scores; at the rungs there is always one.
        metric: None for the task's first.
        batch_size: None for that of the final training.
        choice: ``best-score`` takes the lowest score of all, after however few epochs [Determined];
            ``last-rung`` compares the trials that trained longest, by their last scores.
        dropouts: to draw from, as ``momenta``.
        learning_rates: from, to; the logarithm is drawn uniformly, as of ``weight_decays``.
    """

    every: Annotated[int, Meta(ge=1)]
    metric: str | None = None
    batch_size: int | None = None
    choice: Literal["best-score", "last-rung"]
    dropouts: Annotated[tuple[Share, ...], Meta(min_length=1)]
    learning_rates: tuple[Positive, Positive]
    momenta: Annotated[tuple[Share, ...], Meta(min_length=1)]
    weight_decays: tuple[Positive, Positive]


class WrnAshaSettings(WrnSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of the tuned backbone; trials have the epochs of the final training at most.

    Attributes:
        configuration: given, it takes the search's place.
    """

    tune: Tune
    configuration: Configuration | None = None


METHOD = MethodInfo(
    name="wrn-asha",
    title="WRN-ASHA",
    version=1,
    stages=("tune", "retrain"),
    settings_type=WrnAshaSettings,
    extends="wrn",
)
