"""Maps brought to other sizes, bilinear with corners that stay corners."""

from __future__ import annotations

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor


def halved(size: int) -> int:
    """Return half of a side, rounded up."""
    return (size + 1) // 2


def doubled(size: int) -> int:
    """Return twice a side, one less where it is odd: what ``halved`` brings back to it."""
    return 2 * size - size % 2


def resize(x: Tensor, size: Sequence[int]) -> Tensor:
    """(batch, channels, *any) -> (batch, channels, *size)."""
    if list(x.shape[2:]) == list(size):
        return x
    return F.interpolate(x, list(size), mode="bilinear", align_corners=True)
