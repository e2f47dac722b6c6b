"""AggConv without a transform: the baselines of the DASH paper (section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from kit.ops.plan import ConvShape, candidates, extent


def convolve(
    x: Tensor,
    weight: Tensor,
    padding: Sequence[tuple[int, int]],
    dilation: int,
    stride: int,
    groups: int,
) -> Tensor:
    """Call torch's convolution with (left, right) padding per axis."""
    convolution = F.conv1d if x.ndim == 3 else F.conv2d
    if any(left != right for left, right in padding):
        x = F.pad(x, [side for pair in reversed(padding) for side in pair])
        padding = [(0, 0)] * len(padding)
    return convolution(x, weight, None, stride, [left for left, _ in padding], dilation, groups)


def mixed_results(
    x: Tensor, weights: Sequence[Tensor], alpha: Tensor, conv: ConvShape, memory: str
) -> Tensor:
    """One convolution per candidate, then the weighted sum of the results."""
    total: Tensor | None = None
    for candidate, weight, coefficient in zip(
        candidates(conv.kernel_sizes, conv.dilations), weights, alpha.unbind(), strict=True
    ):
        padding = [candidate.padding] * len(conv.sizes)
        result = convolve(x, weight, padding, candidate.dilation, conv.stride, conv.groups)
        result = coefficient * result
        total = result if total is None else total + result
    assert total is not None
    return total


def mixed_weights(
    x: Tensor, weights: Sequence[Tensor], alpha: Tensor, conv: ConvShape, memory: str
) -> Tensor:
    """Weighted sum of the dilated kernels in the common extent, then one convolution."""
    axes = len(conv.sizes)
    common = extent(conv.kernel_sizes, conv.dilations)
    centre = (common - 1) // 2
    kernel = weights[0].new_zeros(weights[0].shape[:2] + (common,) * axes)
    for candidate, weight, coefficient in zip(
        candidates(conv.kernel_sizes, conv.dilations), weights, alpha.unbind(), strict=True
    ):
        taps = [centre + offset for offset in candidate.offsets]
        span = slice(taps[0], taps[-1] + 1, candidate.dilation)
        place = kernel[..., span] if axes == 1 else kernel[..., span, span]
        place += coefficient * weight
    padding = [(centre, common - 1 - centre)] * axes
    return convolve(x, kernel, padding, 1, conv.stride, conv.groups)
