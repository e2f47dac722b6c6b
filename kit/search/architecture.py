"""Networks whose layers have the kernel sizes and dilations that a search chose."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from torch import nn

from kit.errors import plain
from kit.ops.convolutions import CausalConv1d, CentredConv1d, CentredConv2d
from kit.search import arguments, modules, wrappers

Choices = dict[str, tuple[int, int]]
"""Layer name -> (kernel size, dilation)."""
Padding = Literal["centred", "causal"]


def instantiate(
    module: nn.Module, choices: Mapping[str, tuple[int, int]], padding: Padding = "centred"
) -> nn.Module:
    """Return a copy of a module whose named convolutions have the chosen sizes.

    The new convolutions keep channels, stride, groups, bias (whether there is one) and a weight,
    spectral or orthogonal norm. They have torch's initial weights: if the module initialises its
    weights otherwise, repeat that on the copy. Of a compiled or parallel module, the module inside
    is copied.

    Args:
        module: a network with the names of the searched one; its layers may have other numbers of
            channels. It is not changed.
        choices: layer name -> (kernel size, dilation).
        padding: ``centred``, or ``causal`` for 1D networks, with which the released code retrains
            these.

    Raises:
        ValueError: the module has no convolution of one of the names, or it cannot be replaced; a
            kernel size is even with centred padding; causal padding is given for 2D; or the module
            cannot be copied; or an argument is of another type.
    """
    modules.check_module(module)
    check_choices(choices)
    arguments.check_words(Padding, padding=padding)
    # Checked before the copy, because layers with some of these hooks cannot be copied.
    for name in choices:
        if reason := wrappers.refused(_layer(module, name)):
            raise ValueError(f"the architecture names {name!r}, which {reason}")
    network = wrappers.copied(module)
    for name, (size, dilation) in choices.items():
        arguments.check_whole(**{f"{name}: kernel size": size, f"{name}: dilation": dilation})
        layer = _layer(network, name)
        replacement = _convolution(layer, size, dilation, padding).to(layer.weight)
        wrappers.parametrize_alike(layer, replacement)
        wrappers.replace(network, layer, replacement)
    return network


def check_choices(choices: Mapping[str, tuple[int, int]]) -> None:
    """Check the form of choices, not their names.

    Raises:
        ValueError: they are no table of layer name -> (kernel size, dilation).
    """
    if not isinstance(choices, Mapping):
        raise ValueError(
            f"choices are a table of layer -> (kernel size, dilation), not {type(choices).__name__}"
        )
    for name, pair in choices.items():
        valid = isinstance(pair, tuple | list) and len(pair) == 2
        if not isinstance(name, str) or not valid:
            raise ValueError(
                "choices are layer -> (kernel size, dilation), not "
                f"{plain(repr(name))} -> {plain(repr(pair))}"
            )


def _layer(module: nn.Module, name: str) -> wrappers.Convolution:
    """Return the convolution of a name; raise ValueError if there is none."""
    layer = wrappers.part(module, name)
    if not isinstance(layer, nn.Conv1d | nn.Conv2d):
        raise ValueError(f"the architecture names {name!r}, which is no convolution here")
    return layer


def _convolution(
    layer: nn.Conv1d | nn.Conv2d, size: int, dilation: int, padding: Padding
) -> nn.Conv1d | nn.Conv2d:
    """Return a new convolution that has a layer's channels, stride, groups and bias or none."""
    is_1d = isinstance(layer, nn.Conv1d)
    kind: type[nn.Conv1d | nn.Conv2d] = CentredConv1d if is_1d else CentredConv2d
    if padding == "causal":
        if not is_1d:
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
