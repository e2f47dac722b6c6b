"""Architectures: the kernel size and dilation of each layer, and networks made of them."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Literal

import torch.nn.functional as F
from torch import Tensor, nn

Choices = dict[str, tuple[int, int]]
Padding = Literal["centred", "causal"]


class CentredConv1d(nn.Conv1d):
    """A 1D convolution of odd size that skips the taps which reach beyond every position."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, n) -> (batch, outputs, ceil(n / stride))."""
        weight, padding = _reaching(self, x)
        return F.conv1d(x, weight, self.bias, self.stride, padding, self.dilation, self.groups)


class CentredConv2d(nn.Conv2d):
    """A 2D convolution of odd size that skips the taps which reach beyond every position.

    With k = 9 and d = 15 on 8 x 8 positions that is all of them but one.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, h, w) -> (batch, outputs, ceil(h / stride), ceil(w / stride))."""
        weight, padding = _reaching(self, x)
        return F.conv2d(x, weight, self.bias, self.stride, padding, self.dilation, self.groups)


class CausalConv1d(nn.Conv1d):
    """A 1D convolution that sees the present and the past: all its padding is on the left."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, n) -> (batch, outputs, ceil(n / stride))."""
        return super().forward(F.pad(x, (self.dilation[0] * (self.kernel_size[0] - 1), 0)))


def instantiate(
    module: nn.Module, choices: Mapping[str, tuple[int, int]], padding: Padding = "centred"
) -> nn.Module:
    """Return a copy of a module whose named convolutions have the chosen sizes.

    They are full convolutions with torch's initial weights; the module's own initialisation, if
    it has one, is the caller's to repeat.

    Args:
        module: the network that was searched, at any width; it is not changed.
        choices: name -> (kernel size, dilation).
        padding: ``causal`` is for 1D alone (the released code retrains its 1D nets so).

    Raises:
        ValueError: a name is no convolution of the module, or padding and size do not go together.
    """
    network = copy.deepcopy(module)
    layers = dict(network.named_modules())
    for name, (size, dilation) in choices.items():
        layer = layers.get(name)
        if not isinstance(layer, nn.Conv1d | nn.Conv2d):
            raise ValueError(f"the architecture names {name!r}, which is no convolution here")
        parent, _, last = name.rpartition(".")
        replacement = _convolution(layer, size, dilation, padding)
        setattr(network.get_submodule(parent), last, replacement.to(layer.weight))
    return network


def _reaching(layer: nn.Conv1d | nn.Conv2d, x: Tensor) -> tuple[Tensor, tuple[int, ...]]:
    """Return the weights at offsets that meet some input, and the padding that goes with them."""
    weight, padding = layer.weight, []
    for axis, size in enumerate(x.shape[2:]):
        centre, dilation = layer.kernel_size[axis] // 2, layer.dilation[axis]
        reach = min(centre, (size - 1) // dilation)
        weight = weight.narrow(axis + 2, centre - reach, 2 * reach + 1)
        padding.append(reach * dilation)
    return weight, tuple(padding)


def _convolution(
    layer: nn.Conv1d | nn.Conv2d, size: int, dilation: int, padding: Padding
) -> nn.Conv1d | nn.Conv2d:
    flat = isinstance(layer, nn.Conv1d)
    kind: type[nn.Conv1d | nn.Conv2d] = CentredConv1d if flat else CentredConv2d
    if padding == "causal":
        if not flat:
            raise ValueError("causal padding is for 1D convolutions")
        kind = CausalConv1d
    elif size % 2 == 0:
        raise ValueError(f"kernel size {size} is even and cannot be centred")
    return kind(
        layer.in_channels,
        layer.out_channels,
        size,
        stride=layer.stride[0],
        dilation=dilation,
        groups=layer.groups,
        bias=layer.bias is not None,
    )
