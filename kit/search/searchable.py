"""Which convolutions of a network are searched: by class, by name, by use in a forward pass."""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable, Sequence
from fnmatch import fnmatchcase

import torch
from torch import Tensor, nn
from torch.nn.parameter import UninitializedParameter
from torch.nn.utils.parametrize import type_before_parametrizations

from kit.errors import plain
from kit.ops.convolutions import CausalConv1d, CentredConv1d, CentredConv2d
from kit.search import wrappers
from kit.search.kernel_dilation import LARGEST

EXCLUDED = ("downsample", "pool", "shortcut", "channel_match")
"""Patterns of names of layers that only match channels and are not searched [released code]."""
HALVES = (torch.float16, torch.bfloat16)
SEARCHABLE = (nn.Conv1d, nn.Conv2d, CausalConv1d, CentredConv1d, CentredConv2d)


def sizes(what: str, values: Iterable[int]) -> tuple[int, ...]:
    """Return the candidates' kernel sizes or dilations as a tuple.

    Args:
        what: what the message calls them.
        values: any iterable of integers, such as a list, an array or a generator.

    Raises:
        ValueError: there are none, one is not an integer from 1 to ``LARGEST``, or one is there
            twice.
    """
    try:
        result = tuple(operator.index(value) for value in values)
    except TypeError:
        result = ()
    if not result or min(result) < 1:
        raise ValueError(
            f"{what} to search are numbers from 1 on, such as (3, 5), not {plain(str(values))}"
        )
    if max(result) > LARGEST:
        raise ValueError(f"{what} to search are numbers up to {LARGEST}, not {max(result)}")
    if len(set(result)) < len(result):
        raise ValueError(f"{what} to search differ from each other, unlike {result}")
    return result


def _is_pointwise(layer: nn.Module) -> bool:
    """Return whether a layer is a convolution of size 1."""
    return isinstance(layer, nn.Conv1d | nn.Conv2d) and set(layer.kernel_size) == {1}


def _matches(name: str, patterns: Sequence[str]) -> bool:
    """Return whether a pattern with wildcards matches a whole name, or another occurs in it."""
    return any(
        fnmatchcase(name, each) if set(each) & set("*?[") else each in name for each in patterns
    )


def _named(
    module: nn.Module, include: Sequence[str], exclude: Sequence[str], pointwise: bool
) -> dict[str, nn.Conv1d | nn.Conv2d]:
    """Return the convolutions selected by class and name, used in a forward pass or not."""
    explicit = [each for each in include if each != "*"]
    return {
        name: layer
        for name, layer in module.named_modules()
        if isinstance(layer, nn.Conv1d | nn.Conv2d)
        and type_before_parametrizations(layer) in SEARCHABLE
        and _matches(name, include)
        and not _matches(name, exclude)
        and (pointwise or not _is_pointwise(layer) or _matches(name, explicit))
    }


def check(
    module: nn.Module, include: Sequence[str], exclude: Sequence[str], pointwise: bool
) -> None:
    """Check that the selected convolutions can be replaced by mixtures and chosen layers.

    Args:
        module: the network to be searched.
        include: patterns of the names of layers to search.
        exclude: patterns of the names of layers not to search.
        pointwise: whether to search convolutions of size 1 that only the pattern ``*`` includes.

    Raises:
        ValueError: some cannot; the message names them.
    """
    if any(isinstance(weight, UninitializedParameter) for weight in module.parameters()):
        raise ValueError("the model has lazy layers of no size yet; call it with a batch first")
    for name, part in module.named_modules():
        if isinstance(part, torch.jit.ScriptModule):
            raise ValueError(f"the model has scripted parts, which cannot be changed: {name}")
    if type_before_parametrizations(module) in SEARCHABLE:
        raise ValueError("the model is a single convolution; put it into a Sequential")
    chosen = _named(module, include, exclude, pointwise)
    for layer in chosen.values():
        if (dtype := next(layer.parameters()).dtype) in HALVES:
            raise ValueError(f"the model is in {dtype}; search it in float32: model.float()")
    reasons = [
        f"{name} {reason}"
        for name, layer in chosen.items()
        if (reason := wrappers.refused(layer) or _shared(module, layer))
    ]
    if reasons:
        raise ValueError(
            f"exclude these convolutions by name, or change them: {'; '.join(reasons)}"
        )


def _shared(module: nn.Module, layer: nn.Conv1d | nn.Conv2d) -> str | None:
    """Return why a convolution cannot be replaced if other modules share its weight, else None."""
    weight = layer._parameters.get("weight")
    others = [
        name
        for name, other in module.named_modules()
        if weight is not None
        and other is not layer
        and any(each is weight for each in other.parameters(recurse=False))
    ]
    return f"shares its weight with {', '.join(others)}" if others else None


def _nothing(network: nn.Module) -> str:
    """Return the error message for a network without a convolution to search."""
    others = [
        f"{name} ({type_before_parametrizations(layer).__name__})"
        for name, layer in network.named_modules()
        if isinstance(layer, nn.Conv1d | nn.Conv2d)
        and type_before_parametrizations(layer) not in SEARCHABLE
    ]
    if others:
        return (
            "no convolution to search: subclasses of Conv1d and Conv2d are left alone, as they may "
            f"compute something else: {', '.join(others)}"
        )
    return "no convolution to search: none is reached, or all names are excluded"


def layers(
    network: nn.Module,
    sample: Tensor,
    include: Sequence[str],
    exclude: Sequence[str],
    pointwise: bool,
) -> dict[str, nn.Conv1d | nn.Conv2d]:
    """Return the convolutions to search, by name in module order.

    Args:
        network: the network to be searched; its modules' training modes are restored afterwards.
        sample: one input (batch, channels, *spatial) for a forward pass, which shows the layers in
            use and the sizes of their inputs and outputs.
        include: patterns of the names of layers to search.
        exclude: patterns of the names of layers not to search.
        pointwise: whether to search convolutions of size 1 that only the pattern ``*`` includes.

    Raises:
        ValueError: there are none, one changes the size of its input other than by a stride that
            all axes share, or the network does not accept the sample.
    """
    reached: dict[str, nn.Conv1d | nn.Conv2d] = {}
    uneven: list[str] = []

    def record(name: str) -> Callable[..., None]:
        def hook(
            layer: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Tensor], output: Tensor
        ) -> None:
            assert isinstance(layer, nn.Conv1d | nn.Conv2d)
            reached[name] = layer
            (x,) = (*args, *kwargs.values())
            strided = [-(-size // layer.stride[0]) for size in x.shape[2:]]
            if len(set(layer.stride)) > 1 or list(output.shape[2:]) != strided:
                uneven.append(name)

        return hook

    # A forward pass in evaluation mode does not change the statistics of batch norms.
    modes = {layer: layer.training for layer in network.modules()}
    handles = [
        layer.register_forward_hook(record(name), with_kwargs=True)
        for name, layer in _named(network, include, exclude, pointwise).items()
    ]
    network.eval()
    try:
        what = f"the model does not take a sample {tuple(sample.shape)} of {sample.dtype}:"
        with wrappers.refusing(what), torch.no_grad():
            network(sample)
    finally:
        for handle in handles:
            handle.remove()
        for layer, mode in modes.items():
            layer.training = mode
    if uneven:
        raise ValueError(
            f"these convolutions change the size of their input other than by one stride, so "
            f"exclude them by name: {', '.join(uneven)}"
        )
    if not reached:
        raise ValueError(_nothing(network))
    return {name: reached[name] for name, _ in network.named_modules() if name in reached}
