"""The supernet: a module whose convolutions are replaced by AggConvs (DASH, section 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from kit.errors import plain
from kit.ops import AggConv1d, AggConv2d
from kit.ops.checks import tensor
from kit.search import arguments, modules, searchable, wrappers
from kit.search.architecture import Choices
from kit.search.searchable import EXCLUDED

Mixture = AggConv1d | AggConv2d
"""A layer that computes all candidates of a convolution, weighted by coefficients."""


def gumbel_softmax(alpha: Tensor, temperature: float = 1.0) -> Tensor:
    """Return mixing coefficients with fresh Gumbel noise: softmax((alpha + noise) / temperature).

    Args:
        alpha: (candidates,) logits.
        temperature: lower is sharper.

    Returns:
        (candidates,) positive coefficients with sum 1.

    Raises:
        ValueError: alpha is no tensor, or the temperature is no number above 0.
    """
    tensor("alpha", alpha)
    check_temperature(temperature)
    tiny = torch.finfo(alpha.dtype).tiny
    noise = -torch.empty_like(alpha).exponential_().clamp_min(tiny).log()
    return torch.softmax((alpha + noise) / temperature, dim=0)


def softmax(alpha: Tensor, temperature: float = 1.0) -> Tensor:
    """Return mixing coefficients of the shape of alpha, without noise.

    Args:
        alpha: (candidates,) logits.
        temperature: lower is sharper.
    """
    return torch.softmax(alpha / temperature, dim=0)


def supernet(
    module: nn.Module,
    sample: Tensor,
    kernel_sizes: Iterable[int],
    dilations: Iterable[int],
    *,
    separable: bool = True,
    include: Sequence[str] = ("*",),
    exclude: Sequence[str] = EXCLUDED,
    gumbel: bool = True,
    temperature: float = 1.0,
    simplex: bool = False,
    pointwise: bool = True,
    method: str = "auto",
    memory: str = "fast",
) -> nn.Module:
    """Return a copy of a module in which every searchable convolution is a mixture.

    A layer is searchable if its class is exactly ``Conv1d`` or ``Conv2d`` (or one of
    ``kit.ops.convolutions``), a forward pass uses it, and its name is included and not excluded.
    The mixture takes over the bias, pads with zeros so that the kernel is centred, and drops a
    weight, spectral or orthogonal norm. Of a compiled or parallel module, the module inside is
    searched, with the names that it has there. A pattern is a word that occurs in the name
    (``downsample``), or with ``*``, ``?`` or ``[]`` a match of the whole name
    (``encoder.*.conv?``).

    Args:
        module: any network; it is not changed.
        sample: one input (batch, channels, *spatial) for a forward pass, which shows the layers in
            use and the sizes of their inputs and outputs.
        kernel_sizes: the candidates' kernel sizes K.
        dilations: the candidates' dilations D; each is combined with each kernel size.
        separable: make layers that have as many outputs as inputs depthwise, as the released search
            does (the network that is trained afterwards has full convolutions).
        include: patterns of the names of layers to search.
        exclude: patterns of the names of layers not to search.
        gumbel: add Gumbel noise to alpha at every forward pass.
        temperature: divides alpha before the softmax; lower is sharper.
        simplex: alpha holds the mixing coefficients themselves, for ``ExponentiatedGradient``,
            instead of their logits.
        pointwise: whether convolutions of size 1 are searched, too; else only those that a pattern
            other than ``*`` includes.
        method: how the mixtures are computed; see ``kit.ops.agg_conv``.
        memory: ``fast`` or ``small``; see ``kit.ops.agg_conv``.

    Raises:
        ValueError: no layer is searchable; the model cannot be copied, does not accept the sample
            or is in float16 or bfloat16; a searchable layer does not keep its input's size, pads
            other than with zeros, shares its weight, or has forward hooks or an unknown
            parametrisation; another argument is out of range or of another type.
    """
    modules.check_module(module)
    tensor("the sample", sample)
    kernel_sizes = searchable.sizes("kernel sizes", kernel_sizes)
    dilations = searchable.sizes("dilations", dilations)
    check_temperature(temperature)
    include = arguments.patterns("include", include)
    exclude = arguments.patterns("exclude", exclude)
    inner = wrappers.unwrapped(module)
    searchable.check(inner, include, exclude, pointwise)
    network = wrappers.copied(inner)
    layers = searchable.layers(network, sample, include, exclude, pointwise)
    mixture: Callable[[Tensor], Tensor]
    mixture = partial(gumbel_softmax if gumbel else softmax, temperature=temperature)
    if simplex:
        mixture = partial(_of_logarithm, mixture)
    for layer in layers.values():
        depthwise = separable and layer.in_channels == layer.out_channels
        kind = AggConv1d if isinstance(layer, nn.Conv1d) else AggConv2d
        replacement = kind(
            layer.in_channels,
            layer.out_channels,
            kernel_sizes,
            dilations,
            stride=layer.stride[0],
            groups=layer.in_channels if depthwise else layer.groups,
            bias=layer.bias is not None,
            method=method,
            memory=memory,
            mixture=mixture,
        )
        if layer.bias is not None and replacement.bias is not None:
            replacement.bias.data.copy_(layer.bias.data)
        if simplex:
            replacement.alpha.data = softmax(replacement.alpha.data)
        wrappers.replace(network, layer, replacement.to(layer.weight))
    return network


def check_temperature(temperature: float) -> None:
    """Check that a temperature is a number above 0, and raise ValueError otherwise."""
    if not arguments.number(temperature) > 0:
        raise ValueError(f"the temperature is a number above 0, not {plain(repr(temperature))}")


def mixtures(network: nn.Module) -> dict[str, Mixture]:
    """Return the AggConvs of a supernet by name, in module order.

    Raises:
        ValueError: the network is no module.
    """
    modules.check_module(network, "the network")
    return {
        name: layer
        for name, layer in network.named_modules()
        if isinstance(layer, AggConv1d | AggConv2d)
    }


def discretise(network: nn.Module) -> Choices:
    """Return the (kernel size, dilation) with the largest alpha, for each mixture by name.

    Raises:
        ValueError: the network has no mixtures.
    """
    layers = mixtures(network)
    if not layers:
        raise ValueError("the network has no mixtures; give what supernet returned")
    best = torch.stack([layer.alpha.detach().argmax() for layer in layers.values()]).tolist()
    choices = {}
    for (name, layer), index in zip(layers.items(), best, strict=True):
        size, dilation = divmod(index, len(layer.dilations))
        choices[name] = (layer.kernel_sizes[size], layer.dilations[dilation])
    return choices


def _of_logarithm(mixture: Callable[[Tensor], Tensor], coefficients: Tensor) -> Tensor:
    """Apply a function of logits to coefficients, whose logarithms are their logits."""
    return mixture(coefficients.log())
