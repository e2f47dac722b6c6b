"""Which method "auto" stands for: the rule, in this one place, and the opt-in autotune.

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

import statistics
import time
from collections import OrderedDict
from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

from kit.ops import phases
from kit.ops.dft import is_short
from kit.ops.plan import ConvShape, extent

Method = Callable[[Tensor, Sequence[Tensor], Tensor, ConvShape, str], Tensor]
Key = tuple[object, ...]

ROUNDS = 3
"""Timings per candidate of the autotune; their median counts."""

CHOICES = 512
"""Number of choices that the autotune remembers."""

_chosen: OrderedDict[Key, str] = OrderedDict()


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
    if phases.serves(conv) and phases.best(conv, *x.shape[:2], len(weights[0]))[1] < phases.GAIN:
        return "phases"
    return "dft-matmul" if is_short(conv) else "fourier"


def contenders(x: Tensor, weights: Sequence[Tensor], conv: ConvShape) -> tuple[str, ...]:
    """Methods that can be the fastest for such a problem."""
    depthwise = is_depthwise(x, weights, conv)
    found = ["dilation"]
    if extent(conv.kernel_sizes, conv.dilations) <= 31:
        found.append("mixed-weights")
    if depthwise or conv.groups == 1:
        found.append("fourier")
        if max(conv.lengths) <= 512:
            found.append("dft-matmul")
    if phases.serves(conv):
        found.append("phases")
    if depthwise and len(conv.sizes) == 1 and conv.sizes[0] <= 512:
        found.append("toeplitz")
    return tuple(found)


def fastest(
    x: Tensor,
    weights: Sequence[Tensor],
    alpha: Tensor,
    conv: ConvShape,
    memory: str,
    methods: Mapping[str, Method],
) -> str:
    """The contender with the least time for a forward and backward pass, measured once.

    The choice is remembered per convolution, shapes, dtype, device, number of threads and memory.
    """
    where = (x.device.type, x.device.index, x.dtype, torch.get_num_threads())
    key: Key = (conv, tuple(x.shape), weights[0].shape[0], memory, *where)
    if key in _chosen:
        _chosen.move_to_end(key)
        return _chosen[key]
    with torch.enable_grad():
        own = x.detach().requires_grad_()
        inputs = [w.detach().requires_grad_() for w in weights]
        coefficients = alpha.detach().requires_grad_()

        def seconds(name: str) -> float:
            _wait(x)
            start = time.perf_counter()
            y = methods[name](own, inputs, coefficients, conv, memory)
            torch.autograd.grad(y, [own, coefficients, *inputs], torch.ones_like(y))
            _wait(x)
            return time.perf_counter() - start

        names = contenders(x, weights, conv)
        for name in names:
            seconds(name)  # plans are made here, and libraries choose their algorithms
        times: dict[str, list[float]] = {name: [] for name in names}
        for _ in range(ROUNDS):
            for name in names:
                times[name].append(seconds(name))
    _chosen[key] = min(names, key=lambda name: statistics.median(times[name]))
    while len(_chosen) > CHOICES:
        _chosen.popitem(last=False)
    return _chosen[key]


def forget() -> None:
    """Forget the choices of the autotune."""
    _chosen.clear()


def _wait(x: Tensor) -> None:
    if x.device.type == "cuda":
        torch.cuda.synchronize(x.device)
