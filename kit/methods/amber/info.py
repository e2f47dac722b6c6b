"""AMBER with ENAS, on sequences (Zhang et al. 2021; NAS-Bench-360, section 4 and its code)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated, Literal

from msgspec import Meta, Struct

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
from kit.spaces.amber.layers import Layers
from kit.spaces.amber.tokens import positions
from kit.task import Task

KIND = Layers()


class AmberSearch(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The search: children that share their weights, and how many of them there are.

    Attributes:
        warm_up: passes over the data before the first episode.
        episodes: each trains the shared weights, scores children and teaches the controller.
        child_steps: training steps of an episode, each on a batch and with a newly sampled child.
        children: number that an episode scores on the whole of ``search_val``.
        optimiser: of the shared weights.
        width: channels of the first layers; they double three times.
        hidden: units of the dense layer.
        branches: ``chosen`` computes only a child's own operations and changes only their weights;
            ``all`` computes the others, too, so that their batch statistics are updated and Adam's
            momentum still moves their weights [code].
    """

    warm_up: Count
    episodes: Positive
    child_steps: Positive
    children: Positive
    batch_size: Positive
    optimiser: Optimiser
    width: Positive
    hidden: Positive
    dropout: BelowOne
    branches: Literal["chosen", "all"]


class AmberController(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The controller and its policy updates (REINFORCE) after each episode.

    Attributes:
        units: of its LSTM.
        temperature: divides its scores.
        bound: largest absolute value of its scores.
        learning_rate: of Adam as in Keras.
        passes: over the children of an episode.
        batch_size: children per update.
        clip: largest absolute value of advantages.
        skip_target: the share of skips that the penalty aims at.
        skip_weight: of the penalty.
        penalised: the probability that is compared with the target: ``sampled``, by which skips are
            drawn, or ``half-score``, the sigmoid of half the score [code].
        divergence: a pass after the first ends before the update at which the mean divergence from
            the initial probabilities exceeds this; 0 for never [code: 0.01, never reached].
    """

    units: Positive
    temperature: AboveZero
    bound: AboveZero
    learning_rate: Amount
    passes: Positive
    batch_size: Positive
    clip: Amount
    skip_target: Annotated[float, Meta(gt=0, lt=1)]
    skip_weight: Amount
    penalised: Literal["sampled", "half-score"]
    divergence: Amount


class AmberEvaluate(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The final network: the child with the largest reward, wider and trained alone.

    Attributes:
        width: channels of its first layers.
        hidden: units of the dense layer.
        l2: factor of the sum of squares of its convolutions' weights in the loss.
        largest_norm: of a convolution's taps between an input and an output channel.
    """

    epochs: Positive
    batch_size: Positive
    optimiser: Optimiser
    schedule: Schedule = Schedule()
    width: Positive
    hidden: Positive
    dropout: BelowOne
    l2: Amount
    largest_norm: AboveZero


class AmberNetworkSettings(Settings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of a network of layers and its training.

    Attributes:
        layers: number of layers, unless an architecture is given.
        loss: None for the task's own.
        speed: what may make training faster; the search is neither compiled nor recorded.
    """

    layers: Positive
    evaluate: AmberEvaluate
    loss: LossName | None = None
    speed: Speed = Speed()

    @property
    def depth(self) -> int:
        """How many layers the network has."""
        return self.layers

    def check(self, sample_shape: tuple[int, ...], outputs: int, dense: bool) -> None:
        """Check the settings against the samples.

        Raises:
            KitError: they do not fit, or the sequences are too short.
        """
        super().check(sample_shape, outputs, dense)
        try:
            positions(self.data.input_shape(sample_shape)[-1], self.depth)
        except ValueError as error:
            raise KitError(str(error)) from None


class AmberSettings(AmberNetworkSettings, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """All settings of AMBER.

    Attributes:
        architecture: [operation, [earlier layers]] of each layer, in place of a search; None to
            search.
    """

    search: AmberSearch
    controller: AmberController
    architecture: tuple[tuple[str, tuple[Count, ...]], ...] | None = None

    def __post_init__(self) -> None:
        """Check a given architecture."""
        if self.architecture is not None:
            KIND.check(self.architecture)

    @property
    def depth(self) -> int:
        """How many layers the network has."""
        return len(self.architecture or ()) or self.layers

    def check(self, sample_shape: tuple[int, ...], outputs: int, dense: bool) -> None:
        """Check the settings against the samples; children need separate samples to be scored on.

        Raises:
            KitError: they do not fit, the sequences are too short, or the two overlap.
        """
        super().check(sample_shape, outputs, dense)
        if both := self.data.shared("search", "search_val"):
            raise KitError(
                "the reward needs data that no child is trained on, but 'search' holds samples of "
                f"'search_val' ({', '.join(both)}); change data.roles, or cut both by data.split"
            )


@dataclass(frozen=True, kw_only=True)
class AmberInfo(MethodInfo):
    """Applies to sequences with one class, or several labels, each."""

    def applies(self, task: Task) -> str | None:
        """Return None if the method can take the task, else the reason why not."""
        if task.dims == 1 and task.dense:
            return "its network answers for a sequence as a whole, not for each position"
        if task.kind == "regression":
            return "its reward is an area under curves, of classes and labels, not of numbers"
        return super().applies(task)


METHOD = AmberInfo(
    name="amber",
    title="AMBER",
    version=1,
    stages=("search", "evaluate"),
    settings_type=AmberSettings,
    dims=(1,),
    architecture=KIND,
)
