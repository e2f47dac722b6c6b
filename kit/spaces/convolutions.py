"""Convolutions whose backward pass is quick for many vectors at once, as ``torch.vmap`` asks for.

Torch's own rules take them one by one, or make them convolutions of few channels and very many
samples, which are slow. The numbers are the same but for rounding.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.overrides import TorchFunctionMode

Pair = tuple[int, int]
ONE, NONE = (1, 1), (0, 0)


class BatchedBackward(TorchFunctionMode):
    """Under it, networks compute their 1D and 2D convolutions in this way."""

    def __torch_function__(
        self, func: Any, types: Any, args: Any = (), kwargs: Any | None = None
    ) -> Any:
        if func in (torch.conv1d, torch.conv2d) and not kwargs and len(args) == 7:
            x, weight, bias, *numbers, groups = args
            if x.ndim == weight.ndim and not any(isinstance(each, str) for each in numbers):
                return _convolution(x, weight, bias, numbers, groups)
        return func(*args, **(kwargs or {}))


@dataclass(frozen=True)
class _Shape:
    """What a 2D convolution is like, in the order height, width."""

    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int

    def apply(self, x: Tensor, weight: Tensor) -> Tensor:
        batch, channels = x.shape[:2]
        groups, rest = self.groups, (self.stride, self.padding, self.dilation)
        if channels != groups or len(weight) != groups:
            return F.conv2d(x, weight, None, *rest, groups)
        # Depthwise: samples become channels, over which convolutions are vectorised.
        x = x.reshape(1, -1, *x.shape[2:])
        y = F.conv2d(x, weight.repeat(batch, 1, 1, 1), None, *rest, batch * groups)
        return y.reshape(batch, channels, *y.shape[2:])


def _convolution(
    x: Tensor, weight: Tensor, bias: Tensor | None, numbers: list[Any], groups: int
) -> Tensor:
    flat = x.ndim == 3
    if flat:
        x, weight = x.unsqueeze(2), weight.unsqueeze(2)
        numbers = [(fill, _pair(each)[-1]) for fill, each in zip((1, 0, 1), numbers, strict=True)]
    stride, padding, dilation = (_pair(number) for number in numbers)
    y: Tensor = _Convolution.apply(x, weight, _Shape(stride, padding, dilation, groups))
    if bias is not None:
        y = y + bias.reshape(-1, 1, 1)
    return y.squeeze(2) if flat else y


def _pair(number: int | Sequence[int]) -> Pair:
    """One for each axis; torch may be given one for both."""
    given = (number,) if isinstance(number, int) else number
    return given[0], given[-1]


class _Convolution(torch.autograd.Function):
    """A 2D convolution of (batch, channels, height, width)."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, weight: Tensor, shape: _Shape) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.shape = shape
        return shape.apply(x, weight)

    @staticmethod
    def backward(ctx: Any, g: Tensor) -> tuple[Tensor | None, ...]:
        x, weight = ctx.saved_tensors
        of_x, of_weight = ctx.needs_input_grad[:2]
        return (
            _of_input(g, weight, x.shape[2:], ctx.shape) if of_x else None,
            _of_weight(g, x, weight.shape, ctx.shape) if of_weight else None,
            None,
        )


def _of_input(g: Tensor, weight: Tensor, size: torch.Size, shape: _Shape) -> Tensor:
    """Return the gradient with respect to an input of some size, by a convolution of ``g``."""
    if shape.stride != ONE:
        steps = zip(g.shape[2:], shape.stride, strict=True)
        spread = g.new_zeros(*g.shape[:2], *(1 + (n - 1) * step for n, step in steps))
        spread[:, :, :: shape.stride[0], :: shape.stride[1]] = g
        g = spread
    # What each side lacks for every position of the input to have been read by the whole kernel.
    reach = [d * (n - 1) for d, n in zip(shape.dilation, weight.shape[2:], strict=True)]
    before = (reach[0] - shape.padding[0], reach[1] - shape.padding[1])
    after = tuple(size[k] + reach[k] - g.shape[2 + k] - before[k] for k in (0, 1))
    if after != before or min(before) < 0:
        g = F.pad(g, [before[1], after[1], before[0], after[0]])
        before = NONE
    turned = weight.flip(2, 3).unflatten(0, (shape.groups, -1)).transpose(1, 2).flatten(0, 1)
    return _Shape(ONE, before, shape.dilation, shape.groups).apply(g, turned)


def _of_weight(g: Tensor, x: Tensor, size: torch.Size, shape: _Shape) -> Tensor:
    """Return the gradient with respect to a weight of some size, by one product for a group."""
    groups = shape.groups
    read = F.unfold(x, size[2:], shape.dilation, shape.padding, shape.stride)
    right = read.unflatten(1, (groups, -1)).permute(1, 0, 3, 2).flatten(1, 2)
    left = g.flatten(2).unflatten(1, (groups, -1)).permute(1, 2, 0, 3).flatten(2)
    products = [one @ other for one, other in zip(left, right, strict=True)]
    return torch.cat(products).reshape(size)
