"""AggConv without a transform: the two baselines of the DASH paper (section 3.1)."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from kit.ops.plan import candidates, extent


def convolve(
    x: Tensor, weight: Tensor, padding: tuple[int, int], dilation: int, stride: int, groups: int
) -> Tensor:
    """Torch's own convolution with the same (left, right) padding on every axis."""
    axes = x.ndim - 2
    convolution = F.conv1d if axes == 1 else F.conv2d
    left, right = padding
    if left != right:
        x = F.pad(x, padding * axes)
        left = 0
    return convolution(x, weight, None, stride, left, dilation, groups)


def mixed_results(
    x: Tensor,
    weights: Sequence[Tensor],
    alpha: Tensor,
    kernel_sizes: tuple[int, ...],
    dilations: tuple[int, ...],
    stride: int,
    groups: int,
) -> Tensor:
    """One convolution per candidate, then the weighted sum of the results."""
    total: Tensor | None = None
    for candidate, weight, coefficient in zip(
        candidates(kernel_sizes, dilations), weights, alpha.unbind(), strict=True
    ):
        result = convolve(x, weight, candidate.padding, candidate.dilation, stride, groups)
        result = coefficient * result
        total = result if total is None else total + result
    assert total is not None
    return total


def mixed_weights(
    x: Tensor,
    weights: Sequence[Tensor],
    alpha: Tensor,
    kernel_sizes: tuple[int, ...],
    dilations: tuple[int, ...],
    stride: int,
    groups: int,
) -> Tensor:
    """Weighted sum of the dilated kernels in the common extent, then one convolution."""
    axes = x.ndim - 2
    common = extent(kernel_sizes, dilations)
    centre = (common - 1) // 2
    kernel = weights[0].new_zeros(weights[0].shape[:2] + (common,) * axes)
    for candidate, weight, coefficient in zip(
        candidates(kernel_sizes, dilations), weights, alpha.unbind(), strict=True
    ):
        taps = [centre + offset for offset in candidate.offsets]
        span = slice(taps[0], taps[-1] + 1, candidate.dilation)
        place = kernel[..., span] if axes == 1 else kernel[..., span, span]
        place += coefficient * weight
    return convolve(x, kernel, (centre, common - 1 - centre), 1, stride, groups)


__all__ = ["convolve", "mixed_results", "mixed_weights"]
