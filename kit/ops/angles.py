"""Angles and weights of discrete Fourier transforms, in float64."""

from __future__ import annotations

import math

import torch
from torch import Tensor


def angles(rows: Tensor, columns: Tensor, length: int) -> Tensor:
    """Return 2 pi rows columns / length in float64, with products reduced mod length first."""
    turns = torch.remainder(rows[:, None] * columns[None, :], length)
    return turns.double() * (2 * math.pi / length)


def half_weights(length: int) -> Tensor:
    """Return the weights (length / 2 + 1,) of a half spectrum in an inverse transform, in float64.

    The first and the last frequency weigh 1 / length, all others, which stand for their conjugates,
    too, 2 / length. `length` is even.
    """
    counts = torch.full((length // 2 + 1,), 2.0, dtype=torch.float64, device="cpu")
    counts[0] = counts[-1] = 1.0
    return counts / length
