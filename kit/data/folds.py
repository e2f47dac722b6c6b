"""Folds on the device: role and rules in, batches out."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from kit.data.normalise import Normaliser, fit
from kit.data.prepared import Prepared
from kit.seeding import generator
from kit.settings import Rules
from kit.task import Task

# What a role's normalisers are fitted on: the samples that a network trains on beside it.
FITTED_ON = {"search_val": "search", "tune_val": "tune_fit", "test": "final_fit"}


@dataclass(frozen=True)
class Batch:
    """Samples as a network sees them, and answers in original units.

    Attributes:
        x: (batch, channels, *spatial), normalised.
        y: targets as prepared, not normalised.
        mask: positions that count, where the task has any; same shape as y.
        length: true lengths of padded samples, where the task has any.
        sample_id: (batch,) index into the prepared data.
        unit_id: (batch,) the evaluation unit of each sample.
    """

    x: Tensor
    y: Tensor
    sample_id: Tensor
    unit_id: Tensor
    mask: Tensor | None = None
    length: Tensor | None = None


@dataclass(frozen=True)
class Fold:
    """All samples of one role, on one device.

    Attributes:
        samples: the fold as one batch.
        targets: the normaliser that networks which learn normalised targets decode with.
    """

    samples: Batch
    targets: Normaliser

    def __len__(self) -> int:
        return len(self.samples.x)

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(channels, *spatial) of one input."""
        return tuple(self.samples.x.shape[1:])

    def batch_count(self, batch_size: int) -> int:
        """Return the number of batches of an epoch; the last one may be smaller."""
        return -(-len(self) // batch_size)

    def batches(self, batch_size: int, limit: int | None = None) -> Iterator[Batch]:
        """Yield the fold in its order, at most ``limit`` batches."""
        everything = torch.arange(len(self), device=self.samples.x.device)
        return self._cut(everything, batch_size, limit)

    def shuffled(
        self, batch_size: int, seed: int, *purpose: str | int, limit: int | None = None
    ) -> Iterator[Batch]:
        """Yield the fold in an order that depends on the seed and the purpose alone."""
        order = generator(seed, "order", *purpose).permutation(len(self))
        indices = torch.from_numpy(order).to(self.samples.x.device)
        return self._cut(indices, batch_size, limit)

    def _cut(self, indices: Tensor, batch_size: int, limit: int | None) -> Iterator[Batch]:
        for part in indices.split(batch_size)[:limit]:
            yield _take(self.samples, part)


@dataclass(frozen=True)
class TaskData:
    """A task's prepared data, ready to be cut into folds on a device."""

    task: Task
    prepared: Prepared
    device: torch.device

    def fold(self, role: str, rules: Rules) -> Fold:
        """Return the fold of a role.

        Args:
            role: ``search``, ``search_val``, ``tune_fit``, ``tune_val``, ``final_fit``, ``test``.
            rules: how samples are chosen, thinned out and normalised.

        Raises:
            DataError: the prepared data have no such fold.
        """
        samples = self._samples(role, rules)
        base = role in FITTED_ON and "pointwise" in (rules.inputs, rules.targets)
        reference = self._samples(FITTED_ON[role], rules) if base else samples
        inputs = fit(rules.inputs, reference.x).encode(samples.x)
        if rules.coordinates:
            inputs = _with_coordinates(inputs)
        return Fold(
            samples=Batch(
                x=inputs,
                y=samples.y,
                sample_id=samples.sample_id,
                unit_id=samples.unit_id,
                mask=samples.mask,
                length=samples.length,
            ),
            targets=fit(rules.targets, reference.y),
        )

    def _samples(self, role: str, rules: Rules) -> Batch:
        folds = [self.prepared.fold(name)[: rules.samples.get(name)] for name in rules.folds(role)]
        indices = np.concatenate(folds)
        dense = self.task.kind == "dense"
        mask = self._array("mask", indices, rules.stride) if self.prepared.has("mask") else None
        length = self._array("length", indices, 1) if self.prepared.has("length") else None
        return Batch(
            x=self._array("x", indices, rules.stride).float(),
            y=self._array("y", indices, rules.stride if dense else 1),
            sample_id=torch.from_numpy(indices).to(self.device),
            unit_id=self._array("unit_id", indices, 1),
            mask=mask,
            length=length,
        )

    def _array(self, name: str, indices: np.ndarray, stride: int) -> Tensor:
        array = self.prepared.array(name)
        thin = (slice(None), slice(None), *(slice(None, None, stride),) * (array.ndim - 2))
        chosen = array[indices]
        chosen = chosen[thin] if stride > 1 else chosen
        return torch.from_numpy(np.ascontiguousarray(chosen)).to(self.device)


def _take(samples: Batch, part: Tensor) -> Batch:
    return Batch(
        x=samples.x[part],
        y=samples.y[part],
        sample_id=samples.sample_id[part],
        unit_id=samples.unit_id[part],
        mask=None if samples.mask is None else samples.mask[part],
        length=None if samples.length is None else samples.length[part],
    )


def _with_coordinates(x: Tensor) -> Tensor:
    """Append a channel per axis: the last axis's positions first, as the released code has it."""
    axes = [torch.linspace(0, 1, size, dtype=x.dtype, device=x.device) for size in x.shape[2:]]
    grids = torch.meshgrid(*axes, indexing="ij")
    channels = [grid.expand(len(x), 1, *x.shape[2:]) for grid in reversed(grids)]
    return torch.cat([x, *channels], dim=1)
