"""WRN-ASHA: the backbone with its training settings tuned (NAS-Bench-360, section 4 and D.1)."""

from __future__ import annotations

from typing import Annotated, Literal

from msgspec import Meta, Struct

from kit.errors import unknown
from kit.method import MethodInfo
from kit.methods.wrn.info import WrnSettings
from kit.settings import AboveZero, Amount, BelowOne, Positive, refuse_repeats
from kit.task import Task
from kit.trials.halving import Halving


class Configuration(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The training settings that are tuned."""

    dropout: BelowOne
    learning_rate: Amount
    momentum: BelowOne
    weight_decay: Amount


class WrnAshaTune(Halving, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The search: random configurations that compete by their scores on the validation fold.

    Attributes:
        every: epochs between scores; each rung has a score, too.
        metric: of those of the task; None for its first.
        batch_size: None for that of the final training.
        choice: ``best-score`` takes the lowest score of all, after however few epochs [Determined];
            ``last-rung`` compares the trials that trained longest, by their last scores.
        dropouts: values to draw from, like ``momenta``.
        learning_rates: (lowest, highest); the logarithm is drawn uniformly, like that of
            ``weight_decays``.
    """

    every: Positive
    metric: str | None = None
    batch_size: Positive | None = None
    choice: Literal["best-score", "last-rung"]
    dropouts: Annotated[tuple[BelowOne, ...], Meta(min_length=1)]
    learning_rates: tuple[AboveZero, AboveZero]
    momenta: Annotated[tuple[BelowOne, ...], Meta(min_length=1)]
    weight_decays: tuple[AboveZero, AboveZero]

    def __post_init__(self) -> None:
        """Refuse empty ranges."""
        for low, high in (self.learning_rates, self.weight_decays):
            if low > high:
                raise ValueError(f"the range from {low} to {high} is empty")


class WrnAshaSettings(WrnSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of the tuned backbone; trials have the epochs of the final training at most.

    Attributes:
        configuration: used in place of a search; None to search.
    """

    tune: WrnAshaTune
    configuration: Configuration | None = None

    def check(self, sample_shape: tuple[int, ...], outputs: int, dense: bool) -> None:
        """Check the settings against the samples.

        Raises:
            KitError: they do not fit, or a value to draw from is there twice.
        """
        super().check(sample_shape, outputs, dense)
        refuse_repeats("tune.dropouts", self.tune.dropouts)
        refuse_repeats("tune.momenta", self.tune.momenta)


class WrnAshaInfo(MethodInfo):
    """Tunes by a metric of the task."""

    def check(self, settings: WrnAshaSettings, task: Task) -> None:
        """Check the settings against the task.

        Raises:
            KitError: they do not fit, or the task has no such metric.
        """
        super().check(settings, task)
        # What follows a slash is another value of the same metric.
        metric = (settings.tune.metric or task.metrics[0]).partition("/")[0]
        if metric not in task.metrics:
            raise unknown(f"metric of {task.name}, tune.metric =", metric, task.metrics)


METHOD = WrnAshaInfo(
    name="wrn-asha",
    title="WRN-ASHA",
    version=1,
    stages=("tune", "retrain"),
    settings_type=WrnAshaSettings,
    extends="wrn",
    tuned={
        "dropout": "tune.dropouts",
        "optimiser.learning_rate": "tune.learning_rates",
        "optimiser.momentum": "tune.momenta",
        "optimiser.weight_decay": "tune.weight_decays",
    },
)
