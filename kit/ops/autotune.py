"""The choice of "autotune": the promising methods, timed once per shape and device."""

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
    """Return the names of the methods that may be the fastest for a convolution."""
    depthwise = is_depthwise(x, weights, conv)
    names = ["dilation"]
    if extent(conv.kernel_sizes, conv.dilations) <= 31:
        names.append("mixed-weights")
    if depthwise or conv.groups == 1:
        names.append("fourier")
        if max(conv.lengths) <= 512:
            names.append("dft-matmul")
    if serves(conv):
        names.append("phases")
    if depthwise and len(conv.sizes) == 1 and conv.sizes[0] <= 512:
        names.append("toeplitz")
    return tuple(names)


def fastest(
    x: Tensor,
    weights: Sequence[Tensor],
    alpha: Tensor,
    conv: ConvShape,
    memory: str,
    methods: Mapping[str, Method],
) -> str:
    """Return the contender whose forward and backward pass take least time, measured once.

    The choice is remembered per convolution, shapes, dtype, device, number of threads and memory.
    """
    where = (x.device.type, x.device.index, x.dtype, torch.get_num_threads())
    key: Key = (conv, tuple(x.shape), weights[0].shape[0], memory, *where)
    if key in _chosen:
        _chosen.move_to_end(key)
        return _chosen[key]
    with torch.inference_mode(False), torch.enable_grad():
        # Copies, since tensors that were made in inference mode cannot be differentiated.
        data, coefficients, *inputs = (
            each.detach().clone().requires_grad_() for each in (x, alpha, *weights)
        )

        def seconds(name: str) -> float:
            _wait(x)
            start = time.perf_counter()
            y = methods[name](data, inputs, coefficients, conv, memory)
            torch.autograd.grad(y, [data, coefficients, *inputs], torch.ones_like(y))
            _wait(x)
            return time.perf_counter() - start

        names = contenders(x, weights, conv)
        for name in names:
            seconds(name)  # not timed: it makes plans, and libraries choose algorithms
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
