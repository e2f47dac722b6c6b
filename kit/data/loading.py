"""Loaders: which samples a fold has, and how a batch of them is put together.

The loader here takes rows of ``x``, or windows where ``x`` is ragged. A task whose samples are made
in another way (drawn chunks, crops of maps) brings its own as ``Loader`` in its ``load.py``.
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
    """Samples as a network sees them, and answers in original units.

    Attributes:
        x: (batch, channels, *spatial).
        y: targets as prepared, not normalised.
        sample_id: (batch,) index into the prepared data.
        unit_id: (batch,) the evaluation unit of each sample.
        mask: positions that count, where the task has any; same shape as y.
        length: true lengths of padded samples, where the task has any.
    """

    x: Tensor
    y: Tensor
    sample_id: Tensor
    unit_id: Tensor
    mask: Tensor | None = None
    length: Tensor | None = None

    def rows(self, chosen: Tensor) -> Batch:
        """Return some of the samples, by their places in the batch."""
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
    """``data.load`` of a loader that can be told nothing."""


class Loader:
    """Rows of ``x``, or windows of a ragged ``x``.

    An address is what a sample is found by: (samples, k) integers, the prepared sample's index
    first. For windows the second is where the window starts.

    Args:
        prepared: which arrays there are; their values come by ``take``.
        config: how to load; ``config.load`` holds the parameters of a task's own loader.
        take: gives access to a prepared array by name.
    """

    # What ``config.load`` may tell this loader: types, bounds and defaults.
    Parameters: ClassVar[type[Struct]] = NoParameters
    # Values of those that leave out what it augments training samples with.
    plain: ClassVar[Mapping[str, Any]] = {}
    # Whether a training sample may come out differently each time, augmentation apart.
    draws: ClassVar[bool] = False
    # Whether samples take so long to read that worker processes should do it ahead.
    streams: ClassVar[bool] = False

    def __init__(
        self, task: Task, prepared: Prepared, config: DataConfig, take: Callable[[str], Take]
    ) -> None:
        self.task, self.prepared, self.config, self.take = task, prepared, config, take
        self.parameters: Any = convert(config.load, self.Parameters, task.name, "data.load.")

    def addresses(self, indices: npt.NDArray[np.int64], training: bool) -> npt.NDArray[np.int64]:
        """Return the addresses (samples, k) of all samples made of some prepared ones."""
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
        """Return the samples at addresses (batch, k) with raw inputs: no augmentation yet.

        Args:
            addresses: on the device.
            training: whether random choices are to be made anew; they draw from torch's global
                generator, which each epoch seeds.
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
        assert self._offsets is not None
        strides = self.config.window_strides
        stride = strides[label] if len(strides) > 1 else strides[0]
        length = int(self._offsets[row + 1] - self._offsets[row])
        return np.arange(0, length - self.config.window, stride, dtype=np.int64)

    def _windows(self, addresses: Tensor) -> Tensor:
        """(batch, 2) -> (batch, 1, window), of records z-scored as a whole if the config does."""
        rows, starts = addresses.unbind(1)
        first = self.take("x-offsets")(rows) + starts
        steps = torch.arange(self.config.window, device=addresses.device)
        windows = self.take("x")(first[:, None] + steps)[:, None].float()
        if self.config.inputs == "per-sample":
            mean, deviation = self._record_statistics.to(windows.device)[:, rows, None, None]
            windows = (windows - mean) / deviation
        return windows

    @cached_property
    def _record_statistics(self) -> Tensor:
        """(2, records): mean and standard deviation of each whole record."""
        assert self._offsets is not None
        values, bounds = self.prepared.array("x"), self._offsets
        records = [values[a:b].astype(np.float64) for a, b in pairwise(bounds.tolist())]
        # A flat record has no deviation; it becomes zeros.
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
    """Return the task's own loader where its folder has a ``load.py``, else that of rows.

    Args:
        task: in whose folder a ``load.py`` is looked for.
        prepared: which arrays there are; their values come by ``take``.
        config: windows, strides, and ``load`` for a task's own loader.
        take: gives access to a prepared array by name.
        plain: whether training samples come without the loader's own augmentation.
    """
    kind = Loader
    if (task.folder / "load.py").exists():
        kind = discovery.load("tasks", task.folder, "load").Loader
    if plain:
        config = replace(config, load={**config.load, **kind.plain})
    return kind(task, prepared, config, take)


def _thin(values: Tensor, stride: int) -> Tensor:
    spatial: Sequence[slice] = [slice(None, None, stride)] * (values.ndim - 2)
    return values[(slice(None), slice(None), *spatial)]
