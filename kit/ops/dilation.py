"""AggConv as one of torch's convolutions per dilation."""

from __future__ import annotations

import math
from collections.abc import Sequence

from torch import Tensor

from kit.ops.merge import merge
from kit.ops.mixed import convolve, mixed_results
from kit.ops.plan import ConvShape
from kit.ops.taps import dilated_taps


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
        count = math.prod(kernel.sizes)
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
    if total is None:  # no tap reaches data: zeros that autograd can still differentiate
        return mixed_results(x, weights, alpha, conv, memory)
    return total
