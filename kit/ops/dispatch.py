"""Which method "auto" stands for: the rule, in this one place.

The rule comes from measurements on a CPU (docs/kernel.md). In this order:

1. groups that are neither 1 nor depthwise: `dilation`, torch's own convolution;
2. a common extent of few taps (on one axis Dbar <= 15 dense, <= 7 depthwise, on two <= 5 dense):
   `mixed-weights`, one plain convolution, unless the data are so short that the Fourier forms are
   as cheap anyway; else, for one candidate, `dilation`;
3. depthwise: on one axis of n <= 64 positions `toeplitz`, if its matrices are small (C n^2 up to
   2^17) or the batch that shares them is large (at least n / 2), else `fourier`;
4. dense: `phases` on two axes where its estimate says that it is worth it (small batches on large
   images), else `dft-matmul` where axes are short (transforms of at most 256 points on one axis, at
   most 60 positions on two), else `fourier`.
"""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from kit.ops.dft import is_short
from kit.ops.phase_plan import GAIN, best, serves
from kit.ops.plan import ConvShape, extent


def is_depthwise(x: Tensor, weights: Sequence[Tensor], conv: ConvShape) -> bool:
    """Whether every channel has kernels of its own and one output."""
    return conv.groups > 1 and conv.groups == x.shape[1] == weights[0].shape[0]


def rule(x: Tensor, weights: Sequence[Tensor], conv: ConvShape) -> str:
    """The method for "auto"; see the head of this module."""
    depthwise = is_depthwise(x, weights, conv)
    if conv.groups > 1 and not depthwise:
        return "dilation"
    axes, longest = len(conv.sizes), max(conv.sizes)
    few = (7 if depthwise else 15) if axes == 1 else 0 if depthwise else 5
    if extent(conv.kernel_sizes, conv.dilations) <= few < longest // 2:
        return "mixed-weights"
    if len(weights) == 1:
        return "dilation"
    if depthwise:
        batch, channels = x.shape[:2]
        shared = channels * longest**2 <= 1 << 17 or longest <= 2 * batch
        return "toeplitz" if axes == 1 and longest <= 64 and shared else "fourier"
    if serves(conv) and best(conv, *x.shape[:2], len(weights[0]))[1] < GAIN:
        return "phases"
    return "dft-matmul" if is_short(conv) else "fourier"
