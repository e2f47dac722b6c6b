"""Folds on the device, which yield batches for a role of the data and a configuration."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import torch
from torch import Tensor

from kit.data import normalise, shares, workers
from kit.data.arrays import Take, fits, take_from
from kit.data.augment import AUGMENTATIONS, cutout
from kit.data.loading import Batch, Loader, loader
from kit.data.normalise import Normaliser
from kit.data.prepared import Prepared
from kit.seeding import generator, key
from kit.settings import FITTED_ON, DataConfig
from kit.task import Task

# A fold whose samples never change is kept in memory as floats, if it has at most this many bytes.
WHOLE_BYTES = 2 << 30


@dataclass(frozen=True)
class Fold:
    """All samples of one role, on one device.

    Attributes:
        loader: assembles raw samples.
        config: how raw samples are augmented and normalised.
        addresses: (samples, k), the loader's addresses of all samples, on the device.
        training: whether the loader gives samples as in training.
        augmented: whether samples are augmented.
        inputs: the normaliser of the inputs.
        targets: the normaliser by which predictions of normalised targets are decoded.
        host: a loader on the CPU for worker processes, if the data do not fit on the device or
            take long to read; else None.
    """

    loader: Loader
    config: DataConfig
    addresses: Tensor
    training: bool
    augmented: bool
    inputs: Normaliser
    targets: Normaliser
    host: Loader | None = None

    def __len__(self) -> int:
        return len(self.addresses)

    @cached_property
    def samples(self) -> Batch:
        """The whole fold as one batch, as a network sees it; for folds that fit in memory."""
        return self._process(self.addresses)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(channels, *spatial) of one input."""
        return tuple(self.first(1).x.shape[1:])

    def normalised_as(self, other: Fold) -> Fold:
        """Return this fold with the normalisers of another.

        Those of its own role may be fitted on other samples than a network learns from.
        """
        return replace(self, inputs=other.inputs, targets=other.targets)

    def first(self, count: int) -> Batch:
        """Return the first samples of the fold."""
        return self._process(self.addresses[:count])

    def batch_count(self, batch_size: int) -> int:
        """Return the number of batches of an epoch; the last one may be smaller."""
        return -(-len(self) // batch_size)

    def batches(self, batch_size: int, limit: int | None = None) -> Iterator[Batch]:
        """Yield the fold in its order, at most ``limit`` batches; None for all."""
        everything = torch.arange(len(self), device=self.addresses.device)
        return self._cut(everything.split(batch_size)[:limit], 0)

    def shuffled(
        self, batch_size: int, seed: int, *stream: str | int, limit: int | None = None
    ) -> Iterator[Batch]:
        """Yield the fold in random order, which depends only on the seed and the stream."""
        order = generator(seed, "order", *stream).permutation(len(self))
        indices = torch.from_numpy(order).to(self.addresses.device)
        return self._cut(indices.split(batch_size)[:limit], key(seed, "draws", *stream))

    def _cut(self, parts: Sequence[Tensor], stream: int) -> Iterator[Batch]:
        """Yield the batches of the samples at these indices; ``stream`` seeds worker processes."""
        if self._fixed:
            return map(self.samples.rows, parts)
        if self.host is None:
            return (self._process(self.addresses[part]) for part in parts)
        addresses = [self.addresses[part].cpu() for part in parts]
        device = self.addresses.device
        return map(
            self._finish, workers.gather(self.host, addresses, self.training, device, stream)
        )

    @cached_property
    def _fixed(self) -> bool:
        """Whether samples never change and the whole fold is small enough to be kept."""
        augmented = self.augmented and (self.config.augment or self.config.cutout)
        if self.training and (self.loader.draws or augmented):
            return False
        return 4 * len(self) * math.prod(self.input_shape) <= WHOLE_BYTES

    def _process(self, addresses: Tensor) -> Batch:
        return self._finish(self.loader.gather(addresses, self.training))

    def _finish(self, batch: Batch) -> Batch:
        """Augment and normalise raw inputs."""
        x = batch.x
        if self.augmented:
            for name in self.config.augment:
                x = AUGMENTATIONS[name](x)
        return replace(batch, x=self.encode(x))

    def encode(self, x: Tensor) -> Tensor:
        """Return raw inputs (batch, channels, *spatial) as a network sees them."""
        if self.config.one_hot:
            # An index outside the alphabet, such as an unknown base, becomes all zeros.
            letters = torch.arange(self.config.one_hot, device=x.device)
            x = (x == letters.reshape(-1, *[1] * (x.ndim - 2))).float()
        x = self.inputs.encode(x.float())
        if self.config.inputs == "per-sample" and self.config.window == 0:
            x = normalise.per_sample(x)
        if self.augmented and self.config.cutout:
            x = cutout(x, self.config.cutout)
        if self.config.coordinates:
            x = _with_coordinates(x)
        return x


@dataclass(frozen=True)
class TaskData:
    """A task's prepared data, ready to be cut into folds on a device."""

    task: Task
    prepared: Prepared
    device: torch.device

    def fold(self, role: str, config: DataConfig) -> Fold:
        """Return the fold of a role.

        Args:
            role: ``search``, ``search_val``, ``tune_fit``, ``tune_val``, ``final_fit``, ``test``.
            config: how samples are selected, loaded and normalised.

        Raises:
            DataError: the prepared data have no such fold.
            KitError: the configuration does not fit the task or its loader.
        """
        for name in config.samples:
            self.prepared.fold(name)  # raises an error if there is none
        view = config.view(role)
        the_loader = loader(self.task, self.prepared, config, self.take, plain=view == "plain")
        addresses = self._addresses(the_loader, role, config)
        inputs = targets = Normaliser()
        if "pointwise" in (config.inputs, config.targets):
            base = self._addresses(the_loader, FITTED_ON.get(role, role), config)
            reference = the_loader.gather(base, training=False)
            if config.inputs == "pointwise":
                inputs = normalise.pointwise(reference.x.float())
            if config.targets == "pointwise":
                targets = normalise.pointwise(reference.y.float())
        if config.inputs == "constants":
            example = the_loader.gather(addresses[:1], training=False).x
            inputs = normalise.constants(config.mean, config.std, example)
        host = None
        resident = all(fits(info.bytes) for info in self.prepared.manifest.arrays.values())
        if the_loader.streams or not resident:
            on_cpu = replace(self, device=torch.device("cpu"))
            host = loader(self.task, self.prepared, config, on_cpu.take, plain=view == "plain")
        return Fold(
            loader=the_loader,
            config=config,
            addresses=addresses,
            training=view != "evaluation",
            augmented=view == "augmented",
            inputs=inputs,
            targets=targets,
            host=host,
        )

    def take(self, name: str) -> Take:
        """Return access to the rows of a prepared array; each array is copied only once."""
        if name not in self._taken:
            self._taken[name] = take_from(self.prepared.array(name), self.device)
        return self._taken[name]

    @cached_property
    def _taken(self) -> dict[str, Take]:
        return {}

    def _addresses(self, the_loader: Loader, role: str, config: DataConfig) -> Tensor:
        """Return the addresses (samples, k) of a role's samples, on the device."""
        rows = shares.samples(self.task, self.prepared, config, role)
        addresses = the_loader.addresses(rows, config.view(role) != "evaluation")
        return torch.from_numpy(addresses).to(self.device)


def _with_coordinates(x: Tensor) -> Tensor:
    """Append a channel with positions 0..1 per axis, the last axis first, as the released code."""
    axes = [torch.linspace(0, 1, size, dtype=x.dtype, device=x.device) for size in x.shape[2:]]
    grids = torch.meshgrid(*axes, indexing="ij")
    channels = [grid.expand(x.shape[0], 1, *x.shape[2:]) for grid in reversed(grids)]
    return torch.cat([x, *channels], dim=1)
