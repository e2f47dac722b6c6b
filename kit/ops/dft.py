"""AggConv with the Fourier transform as matrix products: for short axes."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from kit.ops.matrix_transform import matrix_transform
from kit.ops.plan import ConvShape
from kit.ops.planar import planar_product

SHORT = {1: 256, 2: 60}
"""Longest axis, by the number of axes, that dense layers transform faster by matrix products.

On one axis this is the length of the transform; on two it is that of the data, since the matrices
have no columns for the zeros of the padding.
"""


def is_short(conv: ConvShape) -> bool:
    """Whether the axes of a dense AggConv are short enough for matrix products."""
    axes = len(conv.sizes)
    return max(conv.lengths if axes == 1 else conv.sizes) <= SHORT[axes]


def dft_matmul(
    x: Tensor, weights: Sequence[Tensor], alpha: Tensor, conv: ConvShape, memory: str
) -> Tensor:
    """Compute the same as `fourier`, with real matrix products in place of FFTs."""
    transform = matrix_transform(conv, x.dtype, x.device)
    return planar_product(x, weights, alpha, conv, memory, transform)
