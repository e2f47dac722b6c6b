"""AggConv with the Fourier transform as matrix products: for short axes."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from kit.ops.matrix_transform import matrix_transform
from kit.ops.plan import ConvShape
from kit.ops.planar import planar_product

SHORT = {1: 256, 2: 60}
"""On axes of up to so many points matrix products are the faster transforms of dense layers.

On one axis points of the transform count, on two those of the data: of what is zero, the matrices
have no columns.
"""


def is_short(conv: ConvShape) -> bool:
    """Whether the axes of a dense AggConv are short enough for matrix products."""
    axes = len(conv.sizes)
    return max(conv.lengths if axes == 1 else conv.sizes) <= SHORT[axes]


def dft_matmul(
    x: Tensor, weights: Sequence[Tensor], alpha: Tensor, conv: ConvShape, memory: str
) -> Tensor:
    """As `fourier`, transforms and channel product all being real matrix products."""
    transform = matrix_transform(conv, x.dtype, x.device)
    return planar_product(x, weights, alpha, conv, memory, transform)
