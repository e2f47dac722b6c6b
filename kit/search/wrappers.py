"""Copies of models without wrappers, and replacement of their convolutions."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import nn
from torch.nn.parallel import DataParallel, DistributedDataParallel
from torch.nn.utils import parametrizations, parametrize
from torch.nn.utils.parametrizations import _Orthogonal, _SpectralNorm, _WeightNorm
from torch.nn.utils.prune import BasePruningMethod
from torch.optim.swa_utils import AveragedModel

# The attribute with the model in what torch.compile returns; importing that class would import the
# compiler.
COMPILED = "_orig_mod"
WRAPPERS = (DataParallel, DistributedDataParallel, AveragedModel)
# Parametrisations of weights that a new convolution can get, too.
KNOWN = (_WeightNorm, _SpectralNorm, _Orthogonal)
Convolution = nn.Conv1d | nn.Conv2d


def unwrapped(module: nn.Module) -> nn.Module:
    """Return the model inside any of ``torch.compile`` and ``WRAPPERS``, or the module itself."""
    while True:
        if isinstance(inner := getattr(module, COMPILED, None), nn.Module):
            module = inner
        elif isinstance(module, WRAPPERS):
            module = module.module
        else:
            return module


def unwrap_inside(network: nn.Module) -> nn.Module:
    """Replace wrapped submodules of a network by the modules inside, in place, and return it."""
    for parent in list(network.modules()):
        for name, child in list(parent.named_children()):
            inner = unwrapped(child)
            if inner is not child:
                setattr(parent, name, inner)
    return network


@contextmanager
def refusing(what: str) -> Iterator[None]:
    """Turn an error that torch raises for a model into a ValueError of one line.

    Args:
        what: the beginning of the line.

    Raises:
        ValueError: torch raised a RuntimeError, other than for lack of memory, or a TypeError.
    """
    try:
        yield
    except torch.OutOfMemoryError:  # a RuntimeError, but not the model's fault
        raise
    except (RuntimeError, TypeError) as error:
        reason = str(error).partition("\n")[0]
        raise ValueError(f"{what} {reason}") from error


def copied(module: nn.Module) -> nn.Module:
    """Return a deep copy of a model without its wrappers, inside it too.

    Raises:
        ValueError: the model cannot be copied.
    """
    with refusing("the model cannot be copied; does it keep what it computed as an attribute?"):
        return unwrap_inside(copy.deepcopy(unwrapped(module)))


def part(network: nn.Module, name: str) -> nn.Module | None:
    """Return the submodule of a name that leaves wrappers out, or None if there is none."""
    for word in name.split("."):
        child = unwrapped(network)._modules.get(word)
        if child is None:
            return None
        network = child
    return unwrapped(network)


def replace(network: nn.Module, layer: nn.Module, replacement: nn.Module) -> None:
    """Replace a layer of a network in place, under each of the names that it may have."""
    for parent in network.modules():
        for name, child in list(parent._modules.items()):
            if child is layer:
                setattr(parent, name, replacement)


def refused(layer: Convolution) -> str | None:
    """Return why a convolution cannot be searched, or None if it can."""
    if layer.padding_mode != "zeros":
        return f"pads by {layer.padding_mode!r}, and the search pads by zeros"
    if any(isinstance(hook, BasePruningMethod) for hook in layer._forward_pre_hooks.values()):
        return "is pruned; make that permanent by torch.nn.utils.prune.remove"
    hooks = [type(hook).__name__ for hook in layer._forward_pre_hooks.values()]
    if old := [name for name in hooks if name in ("WeightNorm", "SpectralNorm")]:
        return f"has the older {old[0]}; take that of torch.nn.utils.parametrizations"
    if layer._forward_hooks or layer._forward_pre_hooks:
        return "has forward hooks, which would be lost"
    if not parametrize.is_parametrized(layer):
        return None
    parametrised = dict(layer.get_submodule("parametrizations").named_children())
    for part in (part for parts in parametrised.values() for part in parts.children()):
        if not isinstance(part, KNOWN):
            return f"has the parametrisation {type(part).__name__}, which is not known here"
    if set(parametrised) != {"weight"}:
        return "has a parametrisation of its bias"
    return None


def parametrize_alike(layer: Convolution, replacement: Convolution) -> None:
    """Give a new convolution the parametrisations of the weight of the one that it replaces.

    Raises:
        ValueError: one of these is unknown.
    """
    if not parametrize.is_parametrized(layer, "weight"):
        return
    for part in layer.get_submodule("parametrizations.weight").children():
        if isinstance(part, _WeightNorm):
            parametrizations.weight_norm(replacement, dim=part.dim)
        elif isinstance(part, _SpectralNorm):
            parametrizations.spectral_norm(
                replacement, n_power_iterations=part.n_power_iterations, eps=part.eps, dim=part.dim
            )
        elif isinstance(part, _Orthogonal):
            parametrizations.orthogonal(
                replacement, orthogonal_map=part.orthogonal_map.name.lower()
            )
        else:
            raise ValueError(f"the parametrisation {type(part).__name__} is not known here")
