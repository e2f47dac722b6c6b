"""AggConv in the Fourier domain (DASH, section 3.2), with the shortest exact transform length."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from kit.ops.depthwise import depthwise
from kit.ops.fourier_transform import FourierTransform
from kit.ops.plan import ConvShape
from kit.ops.planar import planar_product


def fourier(
    x: Tensor, weights: Sequence[Tensor], alpha: Tensor, conv: ConvShape, memory: str
) -> Tensor:
    """Product of the spectra of x and of the one mixed kernel."""
    if conv.groups > 1:
        return depthwise(x, weights, alpha, conv, memory)
    return planar_product(x, weights, alpha, conv, memory, FourierTransform(conv))
