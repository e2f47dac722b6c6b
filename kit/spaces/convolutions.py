"""Convolutions whose backward pass is fast for many vectors at once under ``torch.vmap``.

Torch's own rules handle the vectors one by one, or as convolutions of few channels and very many
samples, which are slow. The results are the same except for rounding.
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
    """A context in which networks compute their 1D and 2D convolutions in this way."""

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
    """Stride, padding and dilation of a 2D convolution, as (height, width), and its groups."""

    stride: Pair
    padding: Pair
    dilation: Pair
    groups: int

    def apply(self, x: Tensor, weight: Tensor) -> Tensor:
        """Return the convolution of x (batch, channels, height, width) without a bias."""
        batch, channels = x.shape[:2]
        groups, rest = self.groups, (self.stride, self.padding, self.dilation)
        if channels != groups or len(weight) != groups:
            return F.conv2d(x, weight, None, *rest, groups)
        # Depthwise: samples become channels, over which torch vectorises.
        x = x.reshape(1, -1, *x.shape[2:])
        y = F.conv2d(x, weight.repeat(batch, 1, 1, 1), None, *rest, batch * groups)
        return y.reshape(batch, channels, *y.shape[2:])


def _convolution(
    x: Tensor, weight: Tensor, bias: Tensor | None, numbers: list[Any], groups: int
) -> Tensor:
    """Return a 1D or 2D convolution; ``numbers`` are its stride, padding and dilation."""
    is_1d = x.ndim == 3
    if is_1d:
        x, weight = x.unsqueeze(2), weight.unsqueeze(2)
        numbers = [(fill, _pair(each)[-1]) for fill, each in zip((1, 0, 1), numbers, strict=True)]
    stride, padding, dilation = (_pair(number) for number in numbers)
    y: Tensor = _Convolution.apply(x, weight, _Shape(stride, padding, dilation, groups))
    if bias is not None:
        y = y + bias.reshape(-1, 1, 1)
    return y.squeeze(2) if is_1d else y


def _pair(number: int | Sequence[int]) -> Pair:
    """Return a number for each of the two axes, where torch also accepts one number for both."""
    numbers = (number,) if isinstance(number, int) else number
    return numbers[0], numbers[-1]


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
    """Return the gradient with respect to the input, by a convolution of ``g``.

    Args:
        g: gradient with respect to the output.
        weight: weight of the convolution.
        size: (height, width) of the input.
        shape: stride, padding, dilation and groups of the convolution.
    """
    if shape.stride != ONE:
        steps = zip(g.shape[2:], shape.stride, strict=True)
        spread = g.new_zeros(*g.shape[:2], *(1 + (n - 1) * step for n, step in steps))
        spread[:, :, :: shape.stride[0], :: shape.stride[1]] = g
        g = spread
    # Padding of each side with which the whole kernel reads every position of the input.
    reach = [d * (n - 1) for d, n in zip(shape.dilation, weight.shape[2:], strict=True)]
    before = (reach[0] - shape.padding[0], reach[1] - shape.padding[1])
    after = tuple(size[k] + reach[k] - g.shape[2 + k] - before[k] for k in (0, 1))
    if after != before or min(before) < 0:
        g = F.pad(g, [before[1], after[1], before[0], after[0]])
        before = NONE
    turned = weight.flip(2, 3).unflatten(0, (shape.groups, -1)).transpose(1, 2).flatten(0, 1)
    return _Shape(ONE, before, shape.dilation, shape.groups).apply(g, turned)


def _of_weight(g: Tensor, x: Tensor, size: torch.Size, shape: _Shape) -> Tensor:
    """Return the gradient with respect to the weight, by one matrix product per group.

    Args:
        g: gradient with respect to the output.
        x: the input.
        size: shape of the weight.
        shape: stride, padding, dilation and groups of the convolution.
    """
    groups = shape.groups
    patches = F.unfold(x, size[2:], shape.dilation, shape.padding, shape.stride)
    right = patches.unflatten(1, (groups, -1)).permute(1, 0, 3, 2).flatten(1, 2)
    left = g.flatten(2).unflatten(1, (groups, -1)).permute(1, 2, 0, 3).flatten(2)
    products = [a @ b for a, b in zip(left, right, strict=True)]
    return torch.cat(products).reshape(size)
