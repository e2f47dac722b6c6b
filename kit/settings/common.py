"""Settings that several methods share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

Normalisation = Literal["none", "pointwise", "per-sample", "constants"]
Positive = Annotated[int, Meta(ge=1)]


class Rules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How prepared arrays become the batches of a fold. The protocols differ in exactly these.

    Attributes:
        roles: the prepared folds that make up each role, in this order.
        samples: at most so many samples of a prepared fold, from its start; reduced profiles.
        stride: keep every ``stride``-th grid point of each spatial axis; reduced profiles.
        window: length, or side, of the windows that a ragged record is cut into for training; 0 for
            tasks without. Evaluation may show a network a whole record.
        window_strides: from one window to the next, one for all or one per label.
        one_hot: letters of an alphabet; inputs are indices, networks see one channel per letter.
        augment: augmentations of raw training inputs, in this order (``kit.data.augment``).
        cutout: side of the square set to zero in normalised training inputs; 0 for none.
        inputs: ``pointwise`` per position, fitted on the fold in use; ``constants`` per channel,
            by ``mean`` and ``std``; ``per-sample`` by the prepared sample's own.
        targets: normalisation of the targets that a network learns; scores are in raw units.
        coordinates: append one channel per spatial axis with positions in 0..1.
        load: parameters of a task's own loader.
    """

    roles: Mapping[str, tuple[str, ...]] = {}
    samples: Mapping[str, Positive] = {}
    stride: Positive = 1
    window: Annotated[int, Meta(ge=0)] = 0
    window_strides: tuple[Positive, ...] = (1,)
    one_hot: Annotated[int, Meta(ge=0)] = 0
    augment: tuple[str, ...] = ()
    cutout: Annotated[int, Meta(ge=0)] = 0
    inputs: Normalisation = "none"
    mean: tuple[float, ...] = ()
    std: tuple[float, ...] = ()
    targets: Literal["none", "pointwise"] = "none"
    coordinates: bool = False
    load: Mapping[str, bool | int | float | str] = {}

    def folds(self, role: str) -> tuple[str, ...]:
        """Return the prepared folds of a role; by default DESIGN's plain reading of its name."""
        return tuple(self.roles.get(role, DEFAULT_ROLES[role]))

    def input_shape(self, sample_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape (channels, spatial...) of one training input under these rules."""
        channels, *spatial = sample_shape
        if self.window:
            spatial = [self.window] * len(spatial)
        channels = self.one_hot or channels
        channels += len(spatial) if self.coordinates else 0
        return (channels, *(-(-size // self.stride) for size in spatial))


DEFAULT_ROLES: Mapping[str, tuple[str, ...]] = {
    "search": ("train",),
    "search_val": ("val",),
    "tune_fit": ("train",),
    "tune_val": ("val",),
    "final_fit": ("train", "val"),
    "test": ("test",),
}


class Optimiser(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What turns gradients into steps, as torch's optimiser of that name does.

    Torch has no ``ranger``, which is RAdam with Lookahead (``kit.training.ranger``).

    Attributes:
        momentum: of the Adam family, beta 1 (beta 2 is 0.999); of RMSprop, how slowly the mean of
            the squares follows (Keras' rho).
        weight_decay: added to the gradient, or decoupled from it in AdamW.
        nesterov: of SGD alone; off where momentum is 0.
    """

    kind: Literal["sgd", "adam", "adamw", "ranger", "rmsprop"] = "sgd"
    learning_rate: float
    momentum: float = 0.9
    weight_decay: float = 5e-4
    nesterov: bool = True


class Schedule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The learning rate over the epochs.

    Attributes:
        kind: ``step`` multiplies the rate by ``factor`` at each milestone reached; ``cosine`` falls
            from it to ``floor`` along half a cosine, step by step; ``plateau`` multiplies it by
            ``factor`` once more than ``patience`` epochs have brought no better ``Validation``.
        milestones: epochs, counted from 0.
        strict: a milestone m counts from epoch m + 1 on (DASH's code) instead of from m on.
        floor: of ``step``, no further decay once the rate is at or below it; else the last rate.
        warm_up: epochs in which the rate first rises from 0 in a straight line.
        start: the epoch from which on a cosine falls.
        patience: of ``plateau``.
        cooldown: of ``plateau``, epochs after a cut that do not count.
        threshold: of ``plateau``, the share by which a score must be better to count.
    """

    kind: Literal["step", "cosine", "plateau"] = "step"
    milestones: tuple[int, ...] = ()
    factor: float = 0.2
    strict: bool = False
    floor: float = 0.0
    warm_up: Annotated[int, Meta(ge=0)] = 0
    start: Annotated[int, Meta(ge=0)] = 0
    patience: Annotated[int, Meta(ge=0)] = 0
    cooldown: Annotated[int, Meta(ge=0)] = 0
    threshold: Annotated[float, Meta(ge=0)] = 1e-4


class Validation(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A score taken after each epoch, the lower the better, and what follows from it.

    Attributes:
        role: the fold that is scored: ``tune_val``, or ``test`` where released code selects on its
            test data; ``none`` for no score.
        by: the loss that is trained on, or the task's first metric.
        keep: the weights of the last epoch, or those of the epoch with the best score.
        patience: the training ends after so many epochs without a better score; 0 for never.
    """

    role: Literal["none", "tune_val", "test"] = "none"
    by: Literal["loss", "metric"] = "loss"
    keep: Literal["last", "best"] = "last"
    patience: Annotated[int, Meta(ge=0)] = 0


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every method's settings have.

    Attributes:
        data: the rules for its data.
        recipe: the name of the set of settings that was asked for (``[recipe.NAME]``), if any.
    """

    data: Rules = Rules()
    recipe: str | None = None
