"""AggConv without a transform: the baselines of the DASH paper (section 3.1), and `dilation`."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor
from torch.nn import functional as F

from kit.ops.merge import merge
from kit.ops.plan import ConvShape, candidates, extent
from kit.ops.taps import dilated_taps


def convolve(
    x: Tensor,
    weight: Tensor,
    padding: Sequence[tuple[int, int]],
    dilation: int,
    stride: int,
    groups: int,
) -> Tensor:
    """Torch's own convolution with (left, right) padding per axis."""
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


def dilation(
    x: Tensor, weights: Sequence[Tensor], alpha: Tensor, conv: ConvShape, memory: str
) -> Tensor:
    """One convolution per dilation with the merged kernels, less the taps that reach no data."""
    plan = dilated_taps(conv, x.dtype, x.device)
    taps = merge(plan.merging, alpha, weights)
    shape = weights[0].shape[:2]
    total: Tensor | None = None
    start = 0
    for kernel in plan.kernels:
        count = 1
        for size in kernel.sizes:
            count *= size
        if count == 0:
            continue
        weight = taps[start : start + count].t().contiguous().view(*shape, *kernel.sizes)
        start += count
        view, padding = x, []
        for axis, (first, size, n) in enumerate(
            zip(kernel.first, kernel.sizes, conv.sizes, strict=True)
        ):
            last = first + kernel.dilation * (size - 1)
            view = view.narrow(2 + axis, max(first, 0), n - max(first, 0) + min(last, 0))
            padding.append((max(-first, 0), max(last, 0)))
        result = convolve(view, weight, padding, kernel.dilation, conv.stride, conv.groups)
        total = result if total is None else total + result
    if total is None:  # no tap reaches data: zeros, but with their place in the graph
        return mixed_results(x, weights, alpha, conv, memory)
    return total
