"""Architectures: the kernel size and dilation of each layer, and networks made of them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import nn

from kit.ops.convolutions import CausalConv1d, CentredConv1d, CentredConv2d
from kit.search import wrappers

Choices = dict[str, tuple[int, int]]
Padding = Literal["centred", "causal"]


def instantiate(
    module: nn.Module, choices: Mapping[str, tuple[int, int]], padding: Padding = "centred"
) -> nn.Module:
    """Return a copy of a module whose named convolutions have the chosen sizes.

    They are full convolutions with torch's initial weights; the module's own initialisation, if
    it has one, is the caller's to repeat. A layer with weight, spectral or orthogonal norm gets it
    again. Of a compiled or parallel module, the copy is of what it wraps.

    Args:
        module: the network that was searched, at any width; it is not changed.
        choices: name -> (kernel size, dilation).
        padding: ``causal`` is for 1D alone (the released code retrains its 1D nets so).

    Raises:
        ValueError: a name is no convolution of the module or one that could not be made again, or
            padding and size do not go together; or the module cannot be copied.
    """
    # Before the copy: layers with some of these hooks cannot be copied.
    for name in choices:
        if reason := wrappers.refused(_layer(module, name)):
            raise ValueError(f"the architecture names {name!r}, which {reason}")
    network = wrappers.copied(module)
    for name, (size, dilation) in choices.items():
        layer = _layer(network, name)
        replacement = _convolution(layer, size, dilation, padding).to(layer.weight)
        wrappers.parametrize_alike(layer, replacement)
        wrappers.replace(network, layer, replacement)
    return network


def _layer(module: nn.Module, name: str) -> wrappers.Convolution:
    layer = wrappers.part(module, name)
    if not isinstance(layer, nn.Conv1d | nn.Conv2d):
        raise ValueError(f"the architecture names {name!r}, which is no convolution here")
    return layer


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
