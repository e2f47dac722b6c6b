"""Bilinear resizing of maps, with aligned corners."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor


def halved(size: int) -> int:
    """Return half of a size, rounded up."""
    return (size + 1) // 2


def doubled(size: int) -> int:
    """Return twice a size, minus 1 if it is odd; ``halved`` returns the original size."""
    return 2 * size - size % 2


def resize(x: Tensor, size: Sequence[int]) -> Tensor:
    """(batch, channels, *sizes) -> (batch, channels, *size)."""
    if list(x.shape[2:]) == list(size):
        return x
    return F.interpolate(x, list(size), mode="bilinear", align_corners=True)
