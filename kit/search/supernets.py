"""The supernet: any module, each of its convolutions replaced by an AggConv (DASH, section 3)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import partial

import torch
from torch import Tensor, nn

from kit.ops import AggConv1d, AggConv2d
from kit.search import arguments, searchable, wrappers
from kit.search.architecture import Choices
from kit.search.searchable import EXCLUDED

Mixture = AggConv1d | AggConv2d


def gumbel_softmax(alpha: Tensor, temperature: float = 1.0) -> Tensor:
    """Return soft mixing coefficients with fresh Gumbel noise: softmax((alpha + noise) / T)."""
    tiny = torch.finfo(alpha.dtype).tiny
    noise = -torch.empty_like(alpha).exponential_().clamp_min(tiny).log()
    return torch.softmax((alpha + noise) / temperature, dim=0)


def softmax(alpha: Tensor, temperature: float = 1.0) -> Tensor:
    """Return mixing coefficients without noise."""
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

    Searchable is what is exactly a ``Conv1d`` or ``Conv2d`` (or one of ``kit.ops.convolutions``),
    is reached by the sample, and has a name that is included and not excluded. Its bias is kept,
    its padding becomes centred zeros, and a weight, spectral or orthogonal norm is dropped. Of a
    compiled or parallel module, what it wraps is searched, by its names. A pattern is a word that
    occurs in the name (``downsample``), or with ``*``, ``?`` or ``[]`` a match of the whole name
    (``encoder.*.conv?``).

    Args:
        module: any network; it is not changed.
        sample: one input (batch, channels, *spatial), to find what is reached and with what sizes.
        kernel_sizes: K, the candidates' kernel sizes.
        dilations: D, each combined with each kernel size.
        separable: make layers with as many outputs as inputs depthwise, as the released search
            does (the network that is trained afterwards has full convolutions).
        include: patterns of the names of layers to search.
        exclude: patterns of the names of layers to leave alone.
        gumbel: add Gumbel noise to alpha at every forward pass.
        temperature: divides alpha before the softmax; lower is sharper.
        simplex: alpha holds the mixing coefficients themselves, for ``ExponentiatedGradient``,
            instead of their logits.
        pointwise: whether convolutions of size 1 are searched, too; else only those that a pattern
            other than ``*`` includes.
        method: how the mixtures are computed; see ``kit.ops.agg_conv``.
        memory: ``fast`` or ``small``; see ``kit.ops.agg_conv``.

    Raises:
        ValueError: nothing is searchable; the model cannot be copied, does not take the sample or
            is in float16 or bfloat16; or a layer does not keep its input's size, pads other
            than by zeros, or has forward hooks or a parametrisation that is not known.
    """
    kernel_sizes = searchable.sizes("kernel sizes", kernel_sizes)
    dilations = searchable.sizes("dilations", dilations)
    check_temperature(temperature)
    include = arguments.patterns("include", include)
    exclude = arguments.patterns("exclude", exclude)
    plain = wrappers.unwrapped(module)
    searchable.check(plain, include, exclude, pointwise)
    network = wrappers.copied(plain)
    found = searchable.layers(network, sample, include, exclude, pointwise)
    mixture: Callable[[Tensor], Tensor]
    mixture = partial(gumbel_softmax if gumbel else softmax, temperature=temperature)
    if simplex:
        mixture = partial(_of_logarithm, mixture)
    for layer in found.values():
        same = separable and layer.in_channels == layer.out_channels
        kind = AggConv1d if isinstance(layer, nn.Conv1d) else AggConv2d
        replacement = kind(
            layer.in_channels,
            layer.out_channels,
            kernel_sizes,
            dilations,
            stride=layer.stride[0],
            groups=layer.in_channels if same else layer.groups,
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
    """Raise ValueError for what is no number above 0."""
    if not arguments.number(temperature) > 0:
        raise ValueError(f"the temperature is a number above 0, not {temperature!r}")


def mixtures(network: nn.Module) -> dict[str, Mixture]:
    """Return the AggConvs of a supernet by name, in module order."""
    return {
        name: layer
        for name, layer in network.named_modules()
        if isinstance(layer, AggConv1d | AggConv2d)
    }


def discretise(network: nn.Module) -> Choices:
    """Return the (kernel size, dilation) of the largest alpha of each mixture.

    Raises:
        ValueError: there is no mixture.
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
    return mixture(coefficients.log())
