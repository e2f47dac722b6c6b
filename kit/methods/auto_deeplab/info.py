"""Auto-DeepLab: a cell and its path through resolutions (Liu et al. 2019; NAS-Bench-360, D.5)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Literal

from msgspec import Meta, Struct

from kit.errors import KitError
from kit.method import MethodInfo, MixtureRows
from kit.settings import (
    AboveZero,
    Amount,
    Count,
    LossName,
    OneShotSearch,
    Optimiser,
    Positive,
    Settings,
    Speed,
)
from kit.spaces.auto_deeplab.kind import FEWEST_LAYERS, MOST_LAYERS, MOST_STEPS, Trellis
from kit.spaces.auto_deeplab.layout import LEVELS, Layer1Beta, OpOrder, sources
from kit.spaces.names import OPERATIONS
from kit.task import Task

# Norms over a pooled map need two samples.
Batches = Annotated[int, Meta(ge=2, le=2**31 - 1)]
Layers = Annotated[int, Meta(ge=FEWEST_LAYERS, le=MOST_LAYERS)]
Steps = Annotated[int, Meta(ge=1, le=MOST_STEPS)]


class AutoDeepLabSearch(OneShotSearch, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The search stage: steps of the weights, each followed by one of alphas and betas.

    Attributes:
        filters: channels of a cell on the finest level of the supernet.
        layers: of its trellis.
        steps: of its cells.
        optimiser: of the weights; their rate falls along half a cosine.
        lowest_rate: lower bound of that rate.
        architecture: optimiser of alphas and betas.
        architecture_on: role of the samples that alphas and betas learn from [released: the same as
            the weights].
        validation_loss: the loss by which the epoch is chosen whose alphas and betas are decoded;
            None for the training loss.
        choice: whether that epoch is chosen among ``all``, even those before alphas and betas learn
            [released], or only among those in which they learn.
        layer_1_beta: which beta weighs staying on level 1 at layer 1; ``down`` is the code's error.
        allow_none: whether edges of the found cell may hold no operation [released].
    """

    batch_size: Batches
    filters: Positive
    layers: Layers
    steps: Steps
    optimiser: Optimiser
    lowest_rate: Amount
    architecture: Optimiser
    architecture_on: Literal["search", "search_val"]
    validation_loss: LossName | None = None
    choice: Literal["all", "searched"]
    layer_1_beta: Layer1Beta
    allow_none: bool

    def __post_init__(self) -> None:
        """Check the epochs, and that the stem of the supernet has channels.

        Raises:
            ValueError: no epoch is left in which the architecture learns, or there are none.
        """
        super().__post_init__()
        if self.filters * self.steps < 2:
            raise ValueError("the stem has half of filters · steps channels; make filters larger")


class AutoDeepLabEvaluation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The training of the network of an architecture.

    Attributes:
        filters: channels of its cells on the finest level.
        width: channels of its pyramid pooling and decoder.
        optimiser: with the rate that the warm-up reaches.
        first_rate: first rate of the warm-up, in which each step multiplies the rate by one factor.
        warm_up: number of steps of the warm-up.
        power: exponent of the rate's fall to 0 after that.
        op_order: which edge gets the operation of a row; ``ascending`` is the code's error.
        training_mode: whether the network is in training mode in ``every-epoch``, or only in the
            ``first-epoch`` and in evaluation mode after it [released, Darcy Flow].
        test_mode: ``training`` tests with statistics of the test batch and with dropout [released,
            PSICOV and Cosmic].
        test_batch_size: samples at a time in tests.
    """

    epochs: Positive
    batch_size: Batches
    filters: Positive
    width: Positive
    optimiser: Optimiser
    first_rate: AboveZero
    warm_up: Count
    power: Amount
    op_order: OpOrder
    training_mode: Literal["every-epoch", "first-epoch"]
    test_mode: Literal["evaluation", "training"]
    test_batch_size: Batches


class AutoDeepLabSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of Auto-DeepLab.

    Attributes:
        multiple: inputs are padded by zeros to sides that are multiples of this.
        swap_axes: networks see inputs, not targets, with their two axes swapped [released, Darcy
            Flow].
        loss: None for the task's own.
        architecture: a path and a cell, in place of a search; None to search.
        speed: options that make both stages faster; off in the papers' runs.
    """

    search: AutoDeepLabSearch
    evaluation: AutoDeepLabEvaluation
    multiple: Positive
    swap_axes: bool
    loss: LossName | None = None
    architecture: Mapping[str, Any] | None = None
    speed: Speed = Speed()

    def __post_init__(self) -> None:
        """Check a given architecture."""
        if self.architecture is not None:
            Trellis().check(self.architecture)

    def check(self, sample_shape: tuple[int, ...], outputs: int, dense: bool) -> None:
        """Check the settings against the samples; those that decide must not be trained on.

        Raises:
            KitError: they do not fit, or roles overlap that must not.
        """
        super().check(sample_shape, outputs, dense)
        if self.swap_axes and sample_shape[1] != sample_shape[2]:
            raise KitError("swap_axes is for square maps; use -o swap_axes=false")
        others = ["tune_val"]
        if self.search.architecture_on == "search_val":
            others.append("search_val")
        for role in others:
            if both := self.data.shared("search", role):
                raise KitError(
                    f"the search needs data that it does not train on, but 'search' holds samples "
                    f"of {role!r} ({', '.join(both)}); cut both from them by data.split"
                )


@dataclass(frozen=True, kw_only=True)
class AutoDeepLabInfo(MethodInfo):
    """Applies to dense tasks; describes the mixtures of the search."""

    def applies(self, task: Task) -> str | None:
        """Return None if the method can take the task, else the reason why not."""
        reason = super().applies(task)
        if reason is None and not task.dense:
            return "it answers at every position of a map, and this task has one answer per sample"
        return reason

    def mixtures(self, settings: Mapping[str, Any]) -> tuple[MixtureRows, ...]:
        """Return the operations of each edge, and the steps from each level after each layer."""
        options = settings["search"]
        edges = [
            f"{step + 2}←{state}" for step in range(options["steps"]) for state in sources(step)
        ]
        steps = [f"layer {n} 1/{4 << s}" for n in range(options["layers"]) for s in range(LEVELS)]
        return (
            MixtureRows("alpha", OPERATIONS, tuple(edges)),
            MixtureRows("beta", ("up", "same", "down"), tuple(steps)),
        )


METHOD = AutoDeepLabInfo(
    name="auto-deeplab",
    title="Auto-DL",
    version=2,
    stages=("search", "evaluate"),
    settings_type=AutoDeepLabSettings,
    dims=(2,),
    architecture=Trellis(),
)
