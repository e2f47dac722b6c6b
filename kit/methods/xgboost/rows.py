"""Rows of features from a batch: one per sample, or one per position."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
import xgboost
from torch import Tensor

from kit.data.folds import Fold
from kit.data.loading import Batch


class Rows(NamedTuple):
    """Features (rows, features), and targets (rows,) or (rows, outputs)."""

    x: Tensor
    y: Tensor


def whole(batch: Batch) -> Rows:
    """Return one row per sample; a map's target has an output per position.

    Masked positions have the target 0.
    """
    y = batch.y if batch.mask is None else batch.y * batch.mask
    return Rows(batch.x.flatten(1), y.flatten(1) if y.ndim > 1 else y)


def patches(x: Tensor, side: int) -> Tensor:
    """(batch, channels, *spatial) -> (batch, positions, channels * side ** axes), zeros around."""
    axes = x.ndim - 2
    before, after = (side - 1) // 2, side // 2
    x = F.pad(x, (before, after) * axes)
    for axis in range(2, 2 + axes):
        x = x.unfold(axis, side, 1)
    return x.movedim(1, 1 + axes).flatten(1, axes).flatten(2)


def drawn_patches(side: int, count: int) -> Callable[[Batch], Rows]:
    """Return a function that makes rows of ``count`` unmasked positions per sample, at random."""

    def draw(batch: Batch) -> Rows:
        classes = batch.y.ndim == batch.x.ndim - 1  # one per position, instead of channels
        y = (batch.y[:, None] if classes else batch.y).flatten(2).transpose(1, 2)
        counted = torch.ones_like(y[..., 0]) if batch.mask is None else batch.mask.flatten(1)
        # Masked positions come after all others.
        order = torch.rand(counted.shape, device=counted.device) + counted.logical_not()
        chosen = order.argsort(1)[:, :count]
        keep = counted.gather(1, chosen).bool()
        sample = torch.arange(len(y), device=y.device)[:, None].expand_as(chosen)[keep]
        place = chosen[keep]
        rows, answers = patches(batch.x, side)[sample, place], y[sample, place]
        return Rows(rows, answers[:, 0] if classes else answers)

    return draw


class Stream(xgboost.DataIter):
    """A fold given to XGBoost batch by batch, which keeps one byte per feature of it.

    Args:
        fold: passed over several times.
        batch_size: samples at one time.
        rows: returns the rows of a batch.
        begin: called before each pass, to seed random draws, which must be the same every time.
    """

    def __init__(
        self,
        fold: Fold,
        batch_size: int,
        rows: Callable[[Batch], Rows],
        begin: Callable[[], object],
    ) -> None:
        self.fold, self.batch_size, self.rows, self.begin = fold, batch_size, rows, begin
        self.batches: Iterator[Batch] = iter(())
        super().__init__()

    def next(self, input_data: Callable[..., Any]) -> bool:
        """Hand over the next batch, if there is one."""
        batch = next(self.batches, None)
        if batch is None:
            return False
        x, y = self.rows(batch)
        input_data(data=x.cpu().numpy(), label=y.cpu().numpy())
        return True

    def reset(self) -> None:
        """Begin a new pass."""
        self.begin()
        self.batches = self.fold.batches(self.batch_size)
