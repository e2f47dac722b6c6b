"""AggConv with the Fourier transform as matrix products: for short axes."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from kit.ops.plan import ConvShape
from kit.ops.planar import planar_product
from kit.ops.transform import matrix_transform


def dft_matmul(
    x: Tensor, weights: Sequence[Tensor], alpha: Tensor, conv: ConvShape, memory: str
) -> Tensor:
    """As `fourier`, transforms and channel product all being real matrix products."""
    transform = matrix_transform(conv, x.dtype, x.device)
    return planar_product(x, weights, alpha, conv, memory, transform)
