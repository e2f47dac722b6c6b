"""What "autotune" stands for: the promising methods timed once per shape and device."""

from __future__ import annotations

import statistics
import time
from collections import OrderedDict
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

from kit.ops.dispatch import is_depthwise
from kit.ops.methods import Method
from kit.ops.phase_plan import serves
from kit.ops.plan import ConvShape, extent

Key = tuple[object, ...]

ROUNDS = 3
"""Timings per candidate of the autotune; their median counts."""

CHOICES = 512
"""Number of choices that the autotune remembers."""

_chosen: OrderedDict[Key, str] = OrderedDict()


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
    if serves(conv):
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
    with torch.inference_mode(False), torch.enable_grad():
        # Copies: what was made in inference mode cannot be differentiated.
        own, coefficients, *inputs = (
            each.detach().clone().requires_grad_() for each in (x, alpha, *weights)
        )

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
