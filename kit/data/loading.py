"""Loaders determine the samples of a fold and assemble batches of them.

The loader here takes rows of ``x``, or windows if ``x`` is ragged. A task whose samples are made in
another way (random chunks, crops of maps) has its own ``Loader`` in its ``load.py``.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from functools import cached_property
from itertools import pairwise
from typing import Any, ClassVar

import numpy as np
import numpy.typing as npt
import torch
from msgspec import Struct
from msgspec.structs import replace
from torch import Tensor

from kit import discovery
from kit.data.arrays import Take
from kit.data.prepared import Prepared
from kit.errors import DataError
from kit.settings import DataConfig
from kit.settings.strict import convert
from kit.task import Task


@dataclass(frozen=True)
class Batch:
    """Inputs as a network sees them, and targets in their original units.

    Attributes:
        x: inputs (batch, channels, *spatial).
        y: targets as prepared, not normalised.
        sample_id: (batch,) index into the prepared data.
        unit_id: (batch,) the evaluation unit of each sample.
        mask: positions that are scored, of the shape of y; None if all are.
        length: (batch,) lengths of samples without their padding; None if the task has none.
    """

    x: Tensor
    y: Tensor
    sample_id: Tensor
    unit_id: Tensor
    mask: Tensor | None = None
    length: Tensor | None = None

    def rows(self, chosen: Tensor) -> Batch:
        """Return the samples at these indices of the batch."""
        parts: dict[str, Any] = {
            each.name: None if (values := getattr(self, each.name)) is None else values[chosen]
            for each in fields(self)
        }
        return Batch(**parts)

    @staticmethod
    def join(batches: Sequence[Batch]) -> Batch:
        """Return the samples of several batches as one, in their order."""
        parts: dict[str, Any] = {}
        for each in fields(Batch):
            values = [getattr(batch, each.name) for batch in batches]
            parts[each.name] = None if values[0] is None else torch.cat(values)
        return Batch(**parts)


class NoParameters(Struct, frozen=True, forbid_unknown_fields=True):
    """``data.load`` of a loader without parameters."""


class Loader:
    """Rows of ``x``, or windows of a ragged ``x``.

    The address of a sample is k integers: first the index of the prepared sample; for windows also
    the step at which the window starts.

    Args:
        task: the task.
        prepared: describes the arrays; their values are read by ``take``.
        config: how to load; ``config.load`` has the parameters of a task's own loader.
        take: returns access to a prepared array by name.
    """

    # The fields of ``config.load``: their types, bounds and defaults.
    Parameters: ClassVar[type[Struct]] = NoParameters
    # Values of parameters that switch off the loader's own augmentation of training samples.
    plain: ClassVar[Mapping[str, Any]] = {}
    # Whether the loader itself draws training samples at random.
    draws: ClassVar[bool] = False
    # Whether samples take so long to read that worker processes should read them in advance.
    streams: ClassVar[bool] = False

    def __init__(
        self, task: Task, prepared: Prepared, config: DataConfig, take: Callable[[str], Take]
    ) -> None:
        self.task, self.prepared, self.config, self.take = task, prepared, config, take
        self.parameters: Any = convert(config.load, self.Parameters, task.name, "data.load.")

    def addresses(self, indices: npt.NDArray[np.int64], training: bool) -> npt.NDArray[np.int64]:
        """Return the addresses (samples, k) of all samples that are made from prepared samples.

        Args:
            indices: (n,) of the prepared samples.
            training: whether the samples are for training.

        Raises:
            DataError: no record is longer than a window.
        """
        del training
        if self._offsets is None:
            return indices[:, None]
        labels = self.prepared.array("y")
        rows = [
            np.stack([np.full_like(starts, row), starts], axis=1)
            for row in indices
            if len(starts := self._starts(int(row), int(labels[row])))
        ]
        if not rows:
            raise DataError(
                f"{self.task.name}: no record is longer than a window of {self.config.window}"
            )
        return np.concatenate(rows)

    def gather(self, addresses: Tensor, training: bool) -> Batch:
        """Return the samples at these addresses with raw inputs, before ``config.augment``.

        Args:
            addresses: (batch, k), on the device.
            training: whether samples are drawn at random, if the loader does so; by torch's global
                generator, which is seeded in each epoch.
        """
        del training
        rows = addresses[:, 0]
        x = self.take("x")(rows) if self._offsets is None else self._windows(addresses)
        y = self.take("y")(rows)
        mask = self.take("mask")(rows) if self.prepared.has("mask") else None
        if self.config.stride > 1:
            x = _thin(x, self.config.stride)
            if self.task.kind == "segmentation":
                y = _thin(y[:, None], self.config.stride)[:, 0]
            elif self.task.kind == "dense":
                y = _thin(y, self.config.stride)
                mask = None if mask is None else _thin(mask, self.config.stride)
        return Batch(
            x=x,
            y=y,
            sample_id=rows,
            unit_id=self.take("unit_id")(rows),
            mask=mask,
            length=self.take("length")(rows) if self.prepared.has("length") else None,
        )

    @cached_property
    def _offsets(self) -> npt.NDArray[np.int64] | None:
        has = self.prepared.has("x-offsets")
        return np.asarray(self.prepared.array("x-offsets")) if has else None

    def _starts(self, row: int, label: int) -> npt.NDArray[np.int64]:
        """Return the first steps of the windows of a record; the stride depends on its label."""
        assert self._offsets is not None
        strides = self.config.window_strides
        stride = strides[label] if len(strides) > 1 else strides[0]
        length = int(self._offsets[row + 1] - self._offsets[row])
        return np.arange(0, length - self.config.window, stride, dtype=np.int64)

    def _windows(self, addresses: Tensor) -> Tensor:
        """Return windows (batch, 1, window); with inputs ``per-sample`` the record is z-scored."""
        rows, starts = addresses.unbind(1)
        first = self.take("x-offsets")(rows) + starts
        steps = torch.arange(self.config.window, device=addresses.device)
        windows = self.take("x")(first[:, None] + steps)[:, None].float()
        if self.config.inputs == "per-sample":
            # Moved once: the CPU would wait for a copy in each batch.
            self._record_statistics = self._record_statistics.to(windows.device)
            mean, deviation = self._record_statistics[:, rows, None, None]
            windows = (windows - mean) / deviation
        return windows

    @cached_property
    def _record_statistics(self) -> Tensor:
        """Mean and standard deviation of each whole record: (2, records)."""
        assert self._offsets is not None
        values, bounds = self.prepared.array("x"), self._offsets
        records = [values[a:b].astype(np.float64) for a, b in pairwise(bounds.tolist())]
        # A constant record becomes zeros.
        pairs = [(record.mean(), record.std() or 1.0) for record in records]
        return torch.tensor(np.array(pairs).T, dtype=torch.float32)


def loader(
    task: Task,
    prepared: Prepared,
    config: DataConfig,
    take: Callable[[str], Take],
    *,
    plain: bool = False,
) -> Loader:
    """Return the task's own loader if its folder has a ``load.py``, else the loader of rows.

    Args:
        task: the task.
        prepared: describes the arrays; their values are read by ``take``.
        config: windows, strides, and ``load`` for a task's own loader.
        take: returns access to a prepared array by name.
        plain: whether to switch off the loader's own augmentation of training samples.
    """
    kind = Loader
    if (task.folder / "load.py").exists():
        kind = discovery.load("tasks", task.folder, "load").Loader
    if plain:
        config = replace(config, load={**config.load, **kind.plain})
    return kind(task, prepared, config, take)


def _thin(values: Tensor, stride: int) -> Tensor:
    """Return every ``stride``-th position along each axis of (batch, channels, *spatial)."""
    spatial: Sequence[slice] = [slice(None, None, stride)] * (values.ndim - 2)
    return values[(slice(None), slice(None), *spatial)]
