"""Units in which numbers are fitted, so that those of small deviation are learnt, too."""

from __future__ import annotations

import math
from collections.abc import Sequence

import torch
from torch import Tensor

from kit.data.folds import Fold

# The largest deviation of targets that have a unit of their own.
SMALL = 2.0**-10


def units(fold: Fold, batch_size: int) -> list[float]:
    """Return for each output of a fold's targets a unit to fit the trees in, a power of two.

    XGBoost makes no split that lowers the squared error by less than 1e-6, whatever the targets'
    units. Deviations below ``SMALL`` are brought to 1 or 2 therefore; for others the unit is 1.

    Args:
        fold: its targets are numbers (samples, outputs, *spatial).
        batch_size: samples at one time.
    """
    sums, count = torch.zeros(()), 0
    for batch in fold.batches(batch_size):
        y = batch.y.double().movedim(1, 0).flatten(1)
        sums = sums.to(y) + torch.stack([y.sum(1), y.square().sum(1)])
        count += y.shape[1]
    mean, square = sums / count
    deviations = (square - mean.square()).clamp(min=0).sqrt().tolist()
    return [2.0 ** math.floor(math.log2(each)) if 0 < each < SMALL else 1.0 for each in deviations]


def factors(units: Sequence[float], y: Tensor) -> Tensor:
    """Return the units of outputs as a tensor that fits targets (samples, outputs, *spatial)."""
    return y.new_tensor(units).reshape(-1, *[1] * (y.ndim - 2))
