"""Shapes of what functions make of tensors without numbers (torch's meta device).

Torch works many of them out in Python, which takes longer than with numbers and imports its
compiler and its symbolic algebra. What networks are mostly made of has a shape that is easily told.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

# What changes no shape; random numbers, too.
IDLE = {
    *(Tensor.relu, functional.relu, functional.hardtanh, functional.gelu, functional.dropout),
    *(Tensor.exp, Tensor.tanh, torch.tanh, functional.leaky_relu),
    *(functional.batch_norm, functional.layer_norm, Tensor.normal_, Tensor.uniform_),
    torch._weight_norm,  # which parametrisations call
}
# Arguments that functions with a known shape may be given by name.
WORDS = {
    *("dim", "size", "mode"),
    *("align_corners", "scale_factor", "recompute_scale_factor", "antialias"),
}


class Shapes(TorchFunctionMode):
    """Leaves out what is done to tensors without numbers that matters for no shape."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        drawn = getattr(func, "__module__", None) == "torch.nn.init"
        if drawn or func in IDLE:
            first = args[0] if args else kwargs.get("input", kwargs.get("tensor"))
            if isinstance(first, Tensor) and first.is_meta:
                return first
        if func is Tensor.mean and args[0].is_meta:
            func = Tensor.sum  # of the same shape, and no Python
        told = TOLD.get(func)
        if told is not None and set(kwargs) <= WORDS:
            operands = args[0] if func is torch.cat else [e for e in args if isinstance(e, Tensor)]
            if _alike(operands):
                shape = told(*args, **kwargs)
                if shape is not None:
                    return operands[0].new_empty(shape)
        return func(*args, **kwargs)


def _alike(tensors: Sequence[Tensor]) -> bool:
    """Whether they are of one type of real numbers, and have none."""
    types = {each.dtype for each in tensors}
    return len(types) == 1 and types.pop().is_floating_point and all(e.is_meta for e in tensors)


def _pointwise(*operands: Tensor | float) -> list[int] | None:
    """Of a function of the operands' entries: their common shape."""
    shapes = [each.shape[::-1] if isinstance(each, Tensor) else () for each in operands]
    sizes = [set(each) - {1} for each in zip_longest(*shapes, fillvalue=1)]
    if any(len(each) > 1 for each in sizes):
        return None  # Torch says what is wrong.
    return [each.pop() if each else 1 for each in sizes][::-1]


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> list[int] | None:
    fits = weight.ndim == 2 and x.shape[-1:] == weight.shape[1:]
    return [*x.shape[:-1], len(weight)] if fits else None


def _joined(parts: Sequence[Tensor], dim: int = 0) -> list[int] | None:
    shapes = [list(part.shape) for part in parts]
    joined = sum(shape.pop(dim) for shape in shapes if len(shape) == parts[0].ndim)
    if any(shape != shapes[0] for shape in shapes):
        return None  # Torch passes over what is empty, and says what is wrong.
    shapes[0].insert(dim % parts[0].ndim, joined)
    return shapes[0]


def _resized(x: Tensor, *, size: Any, mode: str, **_: Any) -> list[int] | None:
    simple = mode == "bilinear" and isinstance(size, list | tuple)
    return [*x.shape[:2], *size] if simple and len(size) + 2 == x.ndim == 4 else None


def _convolution(
    x: Tensor,
    weight: Tensor,
    bias: Tensor | None = None,
    stride: Any = 1,
    padding: Any = 0,
    dilation: Any = 1,
    groups: int = 1,
) -> list[int] | None:
    axes = weight.ndim - 2
    if x.ndim != weight.ndim or x.shape[1] != weight.shape[1] * groups:
        return None
    steps, gaps = _each(stride, axes), _each(dilation, axes)
    if padding == "same":
        return [len(x), len(weight), *x.shape[2:]] if max(steps) == 1 else None
    margins = _each(0 if padding == "valid" else padding, axes)
    sizes = [
        (n + 2 * margin - gap * (k - 1) - 1) // step + 1
        for n, k, step, margin, gap in zip(
            x.shape[2:], weight.shape[2:], steps, margins, gaps, strict=True
        )
    ]
    return [len(x), len(weight), *sizes] if min(sizes) > 0 else None


def _each(value: int | Sequence[int], axes: int) -> list[int]:
    """One number for every axis."""
    given = [value] if isinstance(value, int) else list(value)
    return given * (axes // len(given))


TOLD: dict[Callable[..., Any], Callable[..., list[int] | None]] = {
    **dict.fromkeys((Tensor.add, Tensor.sub, Tensor.mul, Tensor.div), _pointwise),
    **dict.fromkeys((functional.conv1d, functional.conv2d), _convolution),
    functional.linear: _linear,
    functional.interpolate: _resized,
    torch.cat: _joined,
}
"""Functions whose shape is told here, None where torch is to be asked."""
