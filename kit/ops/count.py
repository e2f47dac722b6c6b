"""Parameters and multiply-adds of a network, without allocating or running it."""

from __future__ import annotations

import copy
import itertools
import math
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from kit.ops import AggConv1d, AggConv2d, costs

# What changes no shape; random numbers, too.
IDLE = {
    *(Tensor.relu, functional.relu, functional.hardtanh, functional.gelu, functional.dropout),
    *(Tensor.exp, Tensor.tanh, torch.tanh, functional.leaky_relu),
    *(functional.batch_norm, functional.layer_norm, Tensor.normal_, Tensor.uniform_),
}
# What gives the common shape of its operands, and what else has a shape that is easily told.
POINTWISE = {Tensor.add, Tensor.sub, Tensor.mul, Tensor.div}
SIMPLE = {*POINTWISE, functional.linear, torch.cat}
KNOWN = {*IDLE, *SIMPLE, Tensor.mean}


class Shapes(TorchFunctionMode):
    """Leaves out what is done to tensors without numbers that matters for no shape.

    Torch does it in Python there, which takes longer than with numbers, and imports its compiler.
    """

    def __torch_function__(
        self,
        func: Callable[..., Any],
        types: Sequence[type],
        args: Sequence[Any] = (),
        kwargs: Mapping[str, Any] | None = None,
    ) -> Any:
        kwargs = kwargs or {}
        drawn = getattr(func, "__module__", None) == "torch.nn.init"
        if not drawn and func not in KNOWN:
            return func(*args, **kwargs)
        first = args[0] if args else kwargs.get("input", kwargs.get("tensor"))
        if func is torch.cat and args:
            first = next(iter(first), None)
        if not isinstance(first, Tensor) or not first.is_meta:
            return func(*args, **kwargs)
        if drawn or func in IDLE:
            return first
        if func is Tensor.mean:
            func = Tensor.sum  # of the same shape, and in C++
        made = _made(func, args) if func in SIMPLE and not kwargs else None
        return func(*args, **kwargs) if made is None else made


def _made(func: Callable[..., Any], args: Sequence[Any]) -> Tensor | None:
    """Return what one of ``SIMPLE`` makes of tensors without numbers, None where that is not so."""
    operands = args[0] if func is torch.cat else args[:2]
    if func in POINTWISE:
        operands = [each for each in operands if not isinstance(each, int | float)]
    if not all(isinstance(each, Tensor) and each.is_meta for each in operands):
        return None
    first, shapes = operands[0], [each.shape for each in operands]
    if len({each.dtype for each in operands}) > 1 or not first.is_floating_point():
        return None
    if func is functional.linear:
        return first.new_empty(*shapes[0][:-1], shapes[1][0])
    if func in POINTWISE:
        return first.new_empty(torch.broadcast_shapes(*shapes))
    if len({len(shape) for shape in shapes}) > 1:
        return None  # Torch passes over what is empty.
    joined, axis = list(shapes[0]), args[1] if len(args) > 1 else 0
    joined[axis] = sum(shape[axis] for shape in shapes)
    return first.new_empty(joined)


def parameters(network: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(weight.numel() for weight in network.parameters() if weight.requires_grad)


def multiply_adds(
    network: nn.Module, input_shape: Sequence[int], shapes: Shapes | None = None
) -> int:
    """Return the multiply-adds of convolutions and linear layers for one sample.

    An AggConv costs what DASH's Fourier path costs by its formula (``kit.ops.costs``), another
    module what its own ``multiply_adds(x)`` returns for one sample, where it has one. A copy of the
    network runs on torch's meta device: shapes only, no numbers. One that lies there already runs
    itself, and is of no other use afterwards.

    Args:
        network: in any mode.
        input_shape: (channels, *spatial) of one sample.
        shapes: what counts more than that, while the network runs.
    """
    total = 0

    def count(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
        nonlocal total
        if isinstance(module, nn.Linear):
            total += output.numel() * module.in_features
        elif isinstance(module, nn.Conv1d | nn.Conv2d):
            taps = math.prod(module.kernel_size) * module.in_channels // module.groups
            total += output.numel() * taps
        elif isinstance(module, nn.ConvTranspose2d):
            taps = math.prod(module.kernel_size) * module.out_channels // module.groups
            total += inputs[0].numel() * taps
        elif isinstance(module, AggConv1d | AggConv2d):
            total += round(_fourier(module, inputs[0]))
        elif callable(own := getattr(module, "multiply_adds", None)):
            total += own(inputs[0])

    state = itertools.chain(network.parameters(), network.buffers())
    ghost = network if all(each.is_meta for each in state) else copy.deepcopy(network).to("meta")
    for module in ghost.eval().modules():
        if isinstance(module, AggConv1d | AggConv2d):
            module.forward = partial(_shape_alone, module)  # type: ignore[method-assign]
        module.register_forward_hook(count)
    with torch.no_grad(), shapes or Shapes():
        ghost(torch.empty(1, *input_shape, device="meta"))
    return total


def _fourier(module: AggConv1d | AggConv2d, x: Tensor) -> float:
    return costs.multiply_adds(
        "fourier",
        1,
        module.in_channels,
        module.out_channels,
        x.shape[2:],
        module.kernel_sizes,
        module.dilations,
        module.groups,
    )


def _shape_alone(module: AggConv1d | AggConv2d, x: Tensor) -> Tensor:
    """Stand in for the forward pass, whose plans are made for numbers."""
    sizes = [-(-size // module.stride) for size in x.shape[2:]]
    return x.new_empty(len(x), module.out_channels, *sizes)
