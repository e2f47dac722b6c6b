"""Settings and facts shared by methods that search genotypes and train their networks. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from msgspec import Struct

from kit.errors import KitError
from kit.method import MethodInfo
from kit.settings import (
    AboveZero,
    Amount,
    BelowOne,
    Count,
    LossName,
    Optimiser,
    Positive,
    Schedule,
    Settings,
    Speed,
)
from kit.spaces.darts.genotype import check
from kit.task import Task

# Two cells halve the map.
SMALLEST_MAP = 4
# Positions a side that the second head, made for CIFAR, can read.
OF_SECOND_HEAD = range(8, 11)


class Evaluation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The training of the network of a genotype.

    Attributes:
        channels: of a node in its first cells.
        layers: number of cells.
        drop_path: probability that a path is left out at the end; it rises from 0.
        drop_path_stretch: multiple of the epochs over which it rises; with 4 it reaches only a
            quarter [NAS-Bench-360's dense code, whose 600 epochs became 150].
        batch_norm: ``last-batch`` uses momentum 0.999 and eps 1e-3, so that statistics are almost
            those of the last batch [NAS-Bench-360]; ``running`` uses torch's defaults.
        auxiliary: weight of the loss of a second head; 0 for no such head.
        cutout: as ``data.cutout``, in this stage alone.
    """

    epochs: Positive
    batch_size: Positive
    channels: Positive
    layers: Positive
    optimiser: Optimiser
    schedule: Schedule
    clip: Amount
    drop_path: BelowOne
    drop_path_stretch: AboveZero
    batch_norm: Literal["last-batch", "running"]
    auxiliary: Amount
    cutout: Count = 0

    def __post_init__(self) -> None:
        """Refuse probabilities of 1 and more.

        Raises:
            ValueError: the last epoch has one.
        """
        if self.drop_path * (self.epochs - 1) >= self.drop_path_stretch * self.epochs:
            raise ValueError(
                f"drop_path = {self.drop_path} over drop_path_stretch = {self.drop_path_stretch} "
                "leaves out every path at the end; make drop_path smaller"
            )


class EvaluatedSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of the network of a genotype and its training.

    Attributes:
        reduction: what the second half of a reduction without kernel reads: ``shifted`` by one
            position, or the ``same`` ones [NAS-Bench-360's 1D code].
        skip: number of positions at the start of the last axis that networks do not see.
        loss: None for the task's own.
        speed: options that make all stages faster; off in the papers' runs.
    """

    evaluation: Evaluation
    reduction: Literal["shifted", "same"]
    skip: Count = 0
    loss: LossName | None = None
    speed: Speed = Speed()

    def check(self, sample_shape: tuple[int, ...], outputs: int, dense: bool) -> None:
        """Hold the settings to the samples.

        Raises:
            KitError: they do not fit, ``skip`` leaves too few of their positions, or the second
                head cannot read their maps.
        """
        super().check(sample_shape, outputs, dense)
        *sizes, last = self.data.input_shape(sample_shape)[1:]
        if self.skip and dense:
            raise KitError("skip: the task asks for an answer at every position; set it to 0")
        if self.skip and last - self.skip < SMALLEST_MAP:
            raise KitError(
                f"skip = {self.skip}: two cells halve the map, whose last axis has {last} "
                f"positions; leave {SMALLEST_MAP} of them"
            )
        if not self.evaluation.auxiliary:
            return
        sizes, layers = [*sizes, last - self.skip], self.evaluation.layers
        for _ in {layers // 3, 2 * layers // 3}:
            sizes = [-(-size // 2) for size in sizes]
        if dense or len(sizes) != 2 or not all(size in OF_SECOND_HEAD for size in sizes):
            found = "each position" if dense else " × ".join(map(str, sizes))
            raise KitError(
                "evaluation.auxiliary: the second head is for maps of 8 × 8 to 10 × 10 behind the "
                f"last cell that halves them, not for {found}; set it to 0"
            )


class GenotypeSettings(EvaluatedSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings but those of the search.

    Attributes:
        architecture: a genotype, in place of a search; None to search.
    """

    architecture: Mapping[str, Any] | None = None

    def check(self, sample_shape: tuple[int, ...], outputs: int, dense: bool) -> None:
        """Check the settings against the samples.

        Raises:
            KitError: they do not fit, or the genotype is not of this space.
        """
        super().check(sample_shape, outputs, dense)
        if self.architecture is not None:
            try:
                check(self.architecture, len(sample_shape) - 1)
            except ValueError as error:
                raise KitError(f"architecture: {error}") from None


@dataclass(frozen=True, kw_only=True)
class GenotypeInfo(MethodInfo):
    """Applies to tasks whose maps are not too small."""

    def applies(self, task: Task) -> str | None:
        """Return None if the method can take the task, else the reason why not."""
        reason = super().applies(task)
        if reason is not None or task.dense:
            return reason
        sizes = task.sample_shape[1:]
        if min(sizes) < SMALLEST_MAP:
            shape = " × ".join(map(str, sizes))
            return f"two of its cells halve the map, and one of {shape} is too small for that"
        return None
