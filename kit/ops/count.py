"""Counts of a network's parameters and of its multiply-adds for one sample."""

from __future__ import annotations

import copy
import math
from collections.abc import Sequence
from contextlib import nullcontext
from functools import partial

import torch
from torch import Tensor, nn
from torch.nn.modules.conv import _ConvNd, _ConvTransposeNd

from kit.ops import AggConv1d, AggConv2d, costs
from kit.ops.shapes import Shapes


def parameters(network: nn.Module) -> int:
    """Return the number of trainable parameters."""
    return sum(weight.numel() for weight in network.parameters() if weight.requires_grad)


def multiply_adds(
    network: nn.Module, input_shape: Sequence[int], shapes: Shapes | None = None
) -> int:
    """Return the multiply-adds of convolutions and linear layers for one sample.

    An AggConv counts by the formula for DASH's Fourier method (``kit.ops.costs``); any other module
    with a method ``multiply_adds(x)`` counts what that returns for one sample.

    A copy of the network runs once, on the network's own device: on torch's meta device some
    layers would make torch import its compiler. A network that is on the meta device already runs
    itself, without a copy, and cannot be used afterwards.

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
        elif isinstance(module, _ConvTransposeNd):
            taps = math.prod(module.kernel_size) * module.out_channels // module.groups
            total += inputs[0].numel() * taps
        elif isinstance(module, _ConvNd):
            taps = math.prod(module.kernel_size) * module.in_channels // module.groups
            total += output.numel() * taps
        elif isinstance(module, AggConv1d | AggConv2d):
            total += round(_fourier(module, inputs[0]))
        elif callable(counter := getattr(module, "multiply_adds", None)):
            total += counter(inputs[0])

    state = [*network.parameters(), *network.buffers()]
    on_meta = bool(state) and all(each.is_meta for each in state)
    first = next(filter(Tensor.is_floating_point, state), torch.empty(0))
    target = network if on_meta else copy.deepcopy(network)
    for module in target.eval().modules():
        if isinstance(module, AggConv1d | AggConv2d):
            module.forward = partial(_shape_alone, module)  # type: ignore[method-assign]
        module.register_forward_hook(count)
    with torch.no_grad(), (shapes or Shapes()) if on_meta else nullcontext():
        target(first.new_zeros(1, *input_shape))
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
    """Return zeros of the output's shape; the forward pass itself would make plans first."""
    sizes = [-(-size // module.stride) for size in x.shape[2:]]
    return x.new_zeros(len(x), module.out_channels, *sizes)
