"""Settings that several methods share."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta, Struct

Normalisation = Literal["none", "pointwise"]
Positive = Annotated[int, Meta(ge=1)]


class Rules(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How prepared arrays become the batches of a fold. The protocols differ in exactly these.

    Attributes:
        roles: the prepared folds that make up each role, in this order.
        samples: at most so many samples of a prepared fold, from its start; reduced profiles.
        stride: keep every ``stride``-th grid point of each spatial axis; reduced profiles.
        inputs: normalisation of the inputs, fitted on the fold in use.
        targets: normalisation of the targets that a network learns; scores are in raw units.
        coordinates: append one channel per spatial axis with positions in 0..1.
    """

    roles: Mapping[str, tuple[str, ...]] = {}
    samples: Mapping[str, Positive] = {}
    stride: Positive = 1
    inputs: Normalisation = "none"
    targets: Normalisation = "none"
    coordinates: bool = False

    def folds(self, role: str) -> tuple[str, ...]:
        """Return the prepared folds of a role; by default DESIGN's plain reading of its name."""
        return tuple(self.roles.get(role, DEFAULT_ROLES[role]))

    def input_shape(self, sample_shape: tuple[int, ...]) -> tuple[int, ...]:
        """Return the shape (channels, spatial...) of one input under these rules."""
        channels, *spatial = sample_shape
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


class Sgd(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Stochastic gradient descent; Nesterov momentum is switched off where momentum is 0."""

    learning_rate: float
    momentum: float = 0.9
    weight_decay: float = 5e-4
    nesterov: bool = True


class Schedule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Step decay: the rate is multiplied by ``factor`` at each milestone reached.

    Attributes:
        milestones: epochs, counted from 0.
        strict: a milestone m counts from epoch m + 1 on (DASH's code) instead of from m on.
        floor: no further step once the rate is at or below it.
    """

    milestones: tuple[int, ...] = ()
    factor: float = 0.2
    strict: bool = False
    floor: float = 0.0


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every method's settings have: the rules for its data."""

    data: Rules = Rules()
