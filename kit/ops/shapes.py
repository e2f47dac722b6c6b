"""Shapes of what functions make of tensors without numbers (torch's meta device).

Torch works many of them out in Python, which takes longer than with numbers and imports its
compiler and its symbolic algebra. What networks are mostly made of has a shape that is easily told.
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

# Results are like the first argument.
LIKE = {
    *(Tensor.relu, functional.relu, functional.hardtanh, functional.gelu, functional.dropout),
    *(Tensor.exp, Tensor.tanh, torch.tanh, functional.leaky_relu, functional.batch_norm),
    torch._weight_norm,  # which parametrisations call
}
DENSE = {functional.layer_norm}  # but for the order of its axes in memory
# Nothing to be done; the first argument is what comes.
DRAWN = {Tensor.normal_, Tensor.uniform_}
# Arguments that functions with a known shape may be given by name.
WORDS = {
    *("dim", "keepdim", "size", "mode"),
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
        drawn = func in DRAWN or getattr(func, "__module__", None) == "torch.nn.init"
        if drawn or func in LIKE or func in DENSE:
            first = args[0] if args else kwargs.get("input", kwargs.get("tensor"))
            if isinstance(first, Tensor) and first.is_meta and first.is_floating_point():
                if drawn:
                    return first
                if func in DENSE or first.is_contiguous():
                    return first.new_empty(first.shape)
                return torch.empty_like(first)
        told = TOLD.get(func)
        if told is not None and set(kwargs) <= WORDS:
            operands = args[0] if func is torch.cat else [e for e in args if isinstance(e, Tensor)]
            if operands and _alike(operands, ordered=func is not functional.linear):
                shape = told(*args, **kwargs)
                if shape is not None:
                    return operands[0].new_empty(shape)
        return func(*args, **kwargs)


def _alike(tensors: Sequence[Tensor], ordered: bool) -> bool:
    """Whether they are of one type of real numbers, have none, and lie in the order of axes."""
    dtype = tensors[0].dtype
    return dtype.is_floating_point and all(
        each.is_meta and each.dtype == dtype and (each.is_contiguous() or not ordered)
        for each in tensors
    )


def _pointwise(*operands: Tensor | float | complex) -> list[int] | None:
    """Of a function of the operands' entries: their common shape."""
    if any(isinstance(each, complex) for each in operands):
        return None
    shapes = [each.shape[::-1] if isinstance(each, Tensor) else () for each in operands]
    sizes = [set(each) - {1} for each in zip_longest(*shapes, fillvalue=1)]
    if any(len(each) > 1 for each in sizes):
        return None  # Torch says what is wrong.
    return [each.pop() if each else 1 for each in sizes][::-1]


def _linear(x: Tensor, weight: Tensor, bias: Tensor | None = None) -> list[int] | None:
    fits = weight.ndim == 2 and x.shape[-1:] == weight.shape[1:]
    return [*x.shape[:-1], len(weight)] if fits else None


def _mean(x: Tensor, dim: Any = None, keepdim: bool = False) -> list[int] | None:
    given = dim if isinstance(dim, list | tuple) else [] if dim is None else [dim]
    if not all(isinstance(axis, SupportsIndex) for axis in given):
        return None  # Axes by their names.
    axes = [index(axis) for axis in given] or range(x.ndim)
    gone = {axis % x.ndim for axis in axes if -x.ndim <= axis < x.ndim}
    if len(gone) < len(axes):
        return None  # Torch says what is wrong.
    sizes = [1 if axis in gone else size for axis, size in enumerate(x.shape)]
    return sizes if keepdim else [size for axis, size in enumerate(sizes) if axis not in gone]


def _joined(parts: Sequence[Tensor], dim: int = 0) -> list[int] | None:
    if any(part.ndim != parts[0].ndim for part in parts):
        return None  # Torch passes over what is empty, and says what is wrong.
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
    fine = min(*sizes, len(weight)) > 0 and min(margins) >= 0
    return [len(x), len(weight), *sizes] if fine else None


def _each(value: int | Sequence[int], axes: int) -> list[int]:
    """One number for every axis."""
    given = list(value) if isinstance(value, Sequence) else [index(value)]
    return given * (axes // len(given))


TOLD: dict[Callable[..., Any], Callable[..., list[int] | None]] = {
    **dict.fromkeys((Tensor.add, Tensor.sub, Tensor.mul, Tensor.div), _pointwise),
    functional.conv1d: partial(_convolution, axes=1),
    functional.conv2d: partial(_convolution, axes=2),
    functional.linear: _linear,
    Tensor.mean: _mean,
    functional.interpolate: _resized,
    torch.cat: _joined,
}
"""Functions whose shape is told here, None where torch is to be asked."""
