"""Shapes of the results of common functions on torch's meta device, whose tensors have no values.

Torch derives many of them in Python, which is slower than computing values and imports its compiler
and its symbolic algebra. The functions that networks mostly use have simple rules.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from itertools import zip_longest
from operator import index
from typing import Any, SupportsIndex

import torch
from torch import Tensor
from torch.nn import functional
from torch.overrides import TorchFunctionMode

# The result has the shape and the memory order of the first argument.
SAME_SHAPE = {
    *(Tensor.relu, functional.relu, functional.hardtanh, functional.gelu, functional.dropout),
    *(Tensor.exp, Tensor.tanh, torch.tanh, functional.leaky_relu, functional.batch_norm),
    torch._weight_norm,  # which parametrisations call
}
CONTIGUOUS = {functional.layer_norm}  # the same shape, contiguous
# They fill the first argument in place and return it: nothing to do without values.
INITIALISERS = {Tensor.normal_, Tensor.uniform_}
# Keyword arguments that the rules know.
KEYWORDS = {
    *("dim", "keepdim", "size", "mode"),
    *("align_corners", "scale_factor", "recompute_scale_factor", "antialias"),
}


class Shapes(TorchFunctionMode):
    """A mode in which common functions of meta tensors return empty tensors by simple rules."""

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        initialises = func in INITIALISERS or getattr(func, "__module__", None) == "torch.nn.init"
        if initialises or func in SAME_SHAPE or func in CONTIGUOUS:
            first = args[0] if args else kwargs.get("input", kwargs.get("tensor"))
            if isinstance(first, Tensor) and first.is_meta and first.is_floating_point():
                if initialises:
                    return first
                if func in CONTIGUOUS or first.is_contiguous():
                    return first.new_empty(first.shape)
                return torch.empty_like(first)
        rule = RULES.get(func)
        if rule is not None and set(kwargs) <= KEYWORDS:
            operands = args[0] if func is torch.cat else [e for e in args if isinstance(e, Tensor)]
            if operands and _alike(operands, ordered=func is not functional.linear):
                shape = rule(*args, **kwargs)
                if shape is not None:
                    return operands[0].new_empty(shape)
        return func(*args, **kwargs)


def _alike(tensors: Sequence[Tensor], ordered: bool) -> bool:
    """Whether all are meta tensors of one floating-point type, and contiguous if `ordered`."""
    dtype = tensors[0].dtype
    return dtype.is_floating_point and all(
        each.is_meta and each.dtype == dtype and (each.is_contiguous() or not ordered)
        for each in tensors
    )


def _pointwise(*operands: Tensor | float | complex) -> list[int] | None:
    """Return the shape to which operands broadcast; None where torch must decide."""
    if any(isinstance(each, complex) for each in operands):
        return None
    shapes = [each.shape[::-1] if isinstance(each, Tensor) else () for each in operands]
    sizes = [set(each) - {1} for each in zip_longest(*shapes, fillvalue=1)]
    if any(len(each) > 1 for each in sizes):
        return None  # torch raises the error
    return [each.pop() if each else 1 for each in sizes][::-1]


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> list[int] | None:
    fits = weight.ndim == 2 and x.shape[-1:] == weight.shape[1:]
    return [*x.shape[:-1], len(weight)] if fits else None


def _mean(x: Tensor, dim: Any = None, keepdim: bool = False) -> list[int] | None:
    given = dim if isinstance(dim, list | tuple) else [] if dim is None else [dim]
    if not all(isinstance(axis, SupportsIndex) for axis in given):
        return None  # axes given by names
    axes = [index(axis) for axis in given] or range(x.ndim)
    gone = {axis % x.ndim for axis in axes if -x.ndim <= axis < x.ndim}
    if len(gone) < len(axes):
        return None  # torch raises the error
    sizes = [1 if axis in gone else size for axis, size in enumerate(x.shape)]
    return sizes if keepdim else [size for axis, size in enumerate(sizes) if axis not in gone]


def _joined(parts: Sequence[Tensor], dim: int = 0) -> list[int] | None:
    if any(part.ndim != parts[0].ndim for part in parts):
        return None  # torch ignores empty parts, or raises the error
    shapes = [list(part.shape) for part in parts]
    joined = sum(shape.pop(dim) for shape in shapes)
    if any(shape != shapes[0] for shape in shapes):
        return None
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
    *,
    axes: int,
) -> list[int] | None:
    fits = x.ndim == weight.ndim == axes + 2 and 0 < x.shape[1] == weight.shape[1] * groups
    if not fits or len(weight) % groups or (bias is not None and bias.shape != weight.shape[:1]):
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
    valid = min(*sizes, len(weight)) > 0 and min(margins) >= 0
    return [len(x), len(weight), *sizes] if valid else None


def _each(value: int | Sequence[int], axes: int) -> list[int]:
    """Return one number for every axis."""
    given = list(value) if isinstance(value, Sequence) else [index(value)]
    return given * (axes // len(given))


RULES: dict[Callable[..., Any], Callable[..., list[int] | None]] = {
    **dict.fromkeys((Tensor.add, Tensor.sub, Tensor.mul, Tensor.div), _pointwise),
    functional.conv1d: partial(_convolution, axes=1),
    functional.conv2d: partial(_convolution, axes=2),
    functional.linear: _linear,
    Tensor.mean: _mean,
    functional.interpolate: _resized,
    torch.cat: _joined,
}
"""By function, what returns its result's shape, or None where torch must decide."""
