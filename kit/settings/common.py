"""Settings that several methods share."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Annotated, Literal

from msgspec import Meta, Struct

from kit.columns import plural
from kit.errors import KitError, unknown
from kit.settings.split import FoldShare

# Larger counts than that are typing errors, which torch would stumble over later.
LARGEST = 2**31 - 1
Positive = Annotated[int, Meta(ge=1, le=LARGEST)]
Count = Annotated[int, Meta(ge=0, le=LARGEST)]
# What float32 can hold; larger amounts, the infinite too, would end in an error of torch.
Amount = Annotated[float, Meta(ge=0, le=3.4e38)]
AboveZero = Annotated[float, Meta(gt=0, le=3.4e38)]
Share = Annotated[float, Meta(ge=0, le=1)]
# Of momentum and dropout, where 1 would let nothing through.
BelowOne = Annotated[float, Meta(ge=0, lt=1)]


View = Literal["augmented", "plain", "evaluation"]


class DataConfig(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How prepared arrays become the batches of a fold. The protocols differ in exactly these.

    Attributes:
        roles: the prepared folds that make up each role, in this order.
        split: the share of prepared folds that makes up a role, in place of what ``roles`` says.
        views: how the samples of a role come: ``augmented`` as in training, ``plain`` as in
            training but for the augmentation, ``evaluation`` as they are scored. By default roles
            to train on are augmented and the others are not.
        samples: at most so many samples of a prepared fold, from its start, and of a share of it
            such a share of them; reduced profiles.
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

    roles: Mapping[str, Annotated[tuple[str, ...], Meta(min_length=1)]] = {}
    split: Mapping[str, FoldShare] = {}
    views: Mapping[str, View] = {}
    samples: Mapping[str, Positive] = {}
    stride: Positive = 1
    window: Count = 0
    window_strides: tuple[Positive, ...] = (1,)
    one_hot: Count = 0
    augment: tuple[Literal["crop", "flip"], ...] = ()
    cutout: Count = 0
    inputs: Literal["none", "pointwise", "per-sample", "constants"] = "none"
    mean: tuple[Annotated[float, Meta(ge=-3.4e38, le=3.4e38)], ...] = ()
    std: tuple[AboveZero, ...] = ()
    targets: Literal["none", "pointwise"] = "none"
    coordinates: bool = False
    load: Mapping[str, bool | int | float | str] = {}

    def folds(self, role: str) -> tuple[str, ...]:
        """Return the prepared folds of a role; by default those that its name says."""
        if role in self.split:
            return self.split[role].names
        return tuple(self.roles.get(role, DEFAULT_ROLES[role]))

    def view(self, role: str) -> View:
        """Return how the samples of a role come."""
        return self.views.get(role, "evaluation" if role in FITTED_ON else "augmented")

    def most(self, role: str) -> int | None:
        """Return how many samples of a role ``samples`` leaves at most; None if it does not say.

        Those that a ragged record is cut into are more.
        """
        limits = [self.samples.get(name) for name in self.folds(role)]
        known = [limit for limit in limits if limit is not None]
        if self.window or len(known) < len(limits):
            return None
        count = sum(known)
        return len(range(count)[self.split[role].cut(count)]) if role in self.split else count

    def shared(self, role: str, other: str) -> tuple[str, ...]:
        """Return the prepared folds of which two roles may both hold the same samples."""
        pairs = product(self._parts(role), self._parts(other))
        both = [set(a.names) & set(b.names) for a, b in pairs if not a.apart(b)]
        return tuple(sorted(set().union(*both)))

    def _parts(self, role: str) -> list[FoldShare]:
        if role in self.split:
            return [self.split[role]]
        return [FoldShare(name, 0.0, 1.0) for name in self.folds(role)]

    def check(self, sample_shape: tuple[int, ...], outputs: int) -> None:
        """Hold the config to what it is for: samples (channels, spatial...) with some outputs.

        Raises:
            KitError: they do not fit.
        """
        for name in ("roles", "split", "views"):
            for role in getattr(self, name):
                if role not in DEFAULT_ROLES:
                    raise unknown(f"role in data.{name}", role, DEFAULT_ROLES)
        for role, share in self.split.items():
            share.check(f"data.split.{role}")
        if self.view("test") != "evaluation":
            raise KitError("data.views.test: scores are of samples as they are, 'evaluation'")
        channels, *spatial = sample_shape
        channels = self.one_hot or channels
        if len(spatial) == 1 and (self.augment or self.cutout):
            raise KitError("data.augment and data.cutout are for images; these samples are 1D")
        for name, values in (("mean", self.mean), ("std", self.std)):
            if self.inputs == "constants" and len(values) != channels:
                raise KitError(f"data.{name} needs one value per channel: {channels}")
        if len(self.window_strides) not in (1, outputs):
            raise KitError(f"data.window_strides needs one value, or one per label: {outputs}")

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


# What a role's normalisers are fitted on: the samples that a network trains on beside it.
FITTED_ON = {"search_val": "search", "tune_val": "tune_fit", "test": "final_fit"}


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
    learning_rate: Amount
    momentum: BelowOne = 0.9
    weight_decay: Amount = 5e-4
    nesterov: bool = True


class Schedule(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The learning rate over the epochs.

    Attributes:
        kind: ``step`` multiplies the rate by ``factor`` at each milestone reached; ``cosine`` falls
            from it to ``floor`` along half a cosine; ``plateau`` multiplies it by ``factor`` once
            more than ``patience`` epochs have brought no better ``Validation``.
        every: whether ``cosine`` and warm-up change the rate at every step or at every epoch.
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
    every: Literal["step", "epoch"] = "step"
    milestones: tuple[Count, ...] = ()
    factor: Amount = 0.2
    strict: bool = False
    floor: Amount = 0.0
    warm_up: Count = 0
    start: Count = 0
    patience: Count = 0
    cooldown: Count = 0
    threshold: Amount = 1e-4


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
    patience: Count = 0


class Settings(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What every method's settings have.

    Attributes:
        data: how its data become batches.
        recipe: the name of the set of settings that was asked for (``[recipe.NAME]``), if any.
    """

    data: DataConfig = DataConfig()
    recipe: str | None = None

    def check(self, sample_shape: tuple[int, ...], outputs: int, dense: bool) -> None:
        """Hold the settings to the samples of a task.

        Args:
            sample_shape: (channels, spatial...).
            outputs: of a sample, or of each of its positions.
            dense: whether each position has outputs.

        Raises:
            KitError: they do not fit, a role holds samples that it must not, a schedule by scores
                is to warm up, a training does nothing else, or sequences are to lie as images do.
        """
        del dense
        self.data.check(sample_shape, outputs)
        axes = len(sample_shape) - 1
        if axes != 2 and getattr(getattr(self, "speed", None), "channels_last", False):
            raise KitError(f"speed.channels_last is for 2D tasks, and this one is {axes}D")
        for place, schedule, epochs in _schedules(self):
            if schedule.kind == "plateau":
                self.check_plateau(place)
                if schedule.warm_up:
                    raise KitError(f"{place}.warm_up is for 'step' and 'cosine', not 'plateau'")
            if epochs is not None and schedule.warm_up >= epochs:
                raise KitError(
                    f"{place}.warm_up = {schedule.warm_up}: the learning rate would rise "
                    f"to the end, after {plural(epochs, 'epoch')}; make it smaller"
                )

    def check_plateau(self, place: str) -> None:
        """Hold a schedule that follows scores to there being some.

        Args:
            place: the setting that is the schedule.

        Raises:
            KitError: there are none.
        """
        raise KitError(
            f"{place}.kind = 'plateau' follows a score after each epoch, and none is taken there; "
            "'step' and 'cosine' need none"
        )


def refuse_repeats(place: str, candidates: Sequence[object]) -> None:
    """Refuse candidates of which one is there twice: a search would weigh it double.

    Raises:
        KitError: naming the setting and the candidate.
    """
    for index, candidate in enumerate(candidates):
        if candidate in candidates[:index]:
            raise KitError(f"{place}: {candidate} is there twice")


def check_milestones(before: Struct, after: Struct) -> None:
    """Refuse milestones, where they were changed, that a training does not reach.

    Args:
        before: settings of a method.
        after: the same with overrides.

    Raises:
        KitError: naming the setting.
    """
    known = {place: schedule.milestones for place, schedule, _ in _schedules(before)}
    for place, schedule, epochs in _schedules(after):
        milestones = schedule.milestones
        if epochs is None or milestones == known.get(place) or schedule.kind != "step":
            continue
        late = [each for each in milestones if each + schedule.strict >= epochs]
        if late:
            raise KitError(
                f"{place}.milestones: the rate would not change at {late[0]}, since there are "
                f"{plural(epochs, 'epoch')}, counted from 0; leave it out"
            )


def _schedules(settings: Struct, place: str = "") -> Iterator[tuple[str, Schedule, int | None]]:
    """Yield all schedules in settings, each with its full name and the epochs beside it, if any."""
    epochs: int | None = getattr(settings, "epochs", None)
    for name in settings.__struct_fields__:
        value = getattr(settings, name)
        if isinstance(value, Schedule):
            yield place + name, value, epochs
        elif isinstance(value, Struct):
            yield from _schedules(value, f"{place}{name}.")
