"""What methods that train one network share: building, saving, loading, describing it."""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Callable, Mapping
from inspect import signature
from typing import Any, Literal, Protocol, TypeVar, get_args, get_origin, get_type_hints

import msgspec
import torch
from torch import nn

from kit.backbones import backbone
from kit.backbones.wide_resnet import BackboneVariant
from kit.base.context import Context
from kit.base.method import Method, NetworkContext, Outcome
from kit.data.folds import Fold
from kit.data.loading import Batch
from kit.errors import DataError, KitError, nearest, unknown
from kit.metrics import Prediction
from kit.ops import count
from kit.runs.records import ArchitectureRecord
from kit.search import instantiate
from kit.search.architecture import Padding
from kit.seeding import key
from kit.training import tensors
from kit.training.loop import network_predictor
from kit.training.losses import loss

WEIGHTS = "weights.pt"
# Arguments that every backbone has.
COMMON = {"input_shape", "outputs", "dense", "width", "dropout", "variant"}


def build(
    context: NetworkContext,
    name: str,
    *,
    variant: BackboneVariant,
    width: int | None,
    dropout: float = 0.0,
    choices: Mapping[str, tuple[int, int]] | None = None,
    padding: Padding = "centred",
    options: Mapping[str, Any] = {},
) -> nn.Module:
    """Return a backbone for the run's task on its device, with weights that its seed decides.

    The same seed and sizes give the same weights in every stage and trial; the released code saves
    them once to that end.

    Args:
        context: gives the task, the device and the seed.
        name: a module of ``kit.backbones``, such as ``wide-resnet``.
        variant: the paper whose released code it follows where the two differ.
        width: None or 0 for the backbone's default.
        dropout: probability of zeroing an activation; 0 leaves the layers out.
        choices: kernel size and dilation of layers, if they were searched.
        padding: of those layers: zeros on both sides (``centred``), or only before (``causal``).
        options: further arguments of the backbone's ``build``.

    Raises:
        KitError: the backbone is unknown, or has no such option or layer.
    """
    module = backbone(name)
    _check_options(name, module.build, options)
    torch.manual_seed(key(context.spec.seed, "network"))
    network: nn.Module = module.build(
        context.input_shape,
        context.task.outputs,
        dense=context.task.dense,
        width=width or None,
        dropout=dropout,
        variant=variant,
        **options,
    )
    if choices is not None:
        try:
            network = instantiate(network, choices, padding)
        except ValueError as error:
            raise KitError(str(error)) from None
        torch.manual_seed(key(context.spec.seed, "network"))
        module.initialise(network, variant)
    return network.to(context.device)


def _check_options(
    name: str, function: Callable[..., nn.Module], options: Mapping[str, Any]
) -> None:
    """Raise KitError for an option that a backbone does not have, or a value of another type."""
    if not options:
        return
    known = set(signature(function).parameters) - COMMON
    types = get_type_hints(function, include_extras=True)
    for option, value in options.items():
        if option not in known:
            raise KitError(f"backbone {name} has no option {option!r}{nearest(option, known)}")
        words = get_args(types[option]) if get_origin(types[option]) is Literal else ()
        if words and value not in words:
            raise unknown(f"{option} of backbone {name}", str(value), words)
        try:
            msgspec.convert(value, types[option])
        except msgspec.ValidationError as error:
            raise KitError(f"backbone {name}, option {option!r}: {error}, not {value!r}") from None


def predictor(
    context: Context, network: nn.Module, fold: Fold, loss_name: str | None
) -> Callable[[Batch], Prediction]:
    """Return a network as a predictor; the loss tells the kind of its predictions."""
    return network_predictor(network, fold, loss(loss_name or context.task.loss)[1])


def save(context: Context, network: nn.Module) -> None:
    """Write a network's weights to the run's artifacts."""
    weights = {name: value.cpu() for name, value in network.state_dict().items()}
    tensors.save(context.artifacts / WEIGHTS, weights)


def load(context: Context, network: nn.Module) -> nn.Module:
    """Load the weights that ``save`` wrote into a network, and return it.

    Raises:
        DataError: the file is damaged, or holds the weights of another network.
    """
    file = context.artifacts / WEIGHTS
    weights = tensors.load(file, context.device)
    try:
        network.load_state_dict(weights)
    except (RuntimeError, TypeError, AttributeError):
        raise DataError(f"{file} does not hold the weights of this run's network") from None
    return network


def outcome(
    context: Context, network: nn.Module, architecture: ArchitectureRecord | None = None
) -> Outcome:
    """Describe a trained network, whose weights were saved by ``save``."""
    return Outcome(
        architecture=architecture,
        parameters=count.parameters(network),
        macs=count.multiply_adds(network, context.input_shape),
        artifacts=[(f"artifacts/{WEIGHTS}", "torch-state-dict")],
    )


class Scored(Protocol):
    """Settings that say what a network's output means."""

    @property
    def loss(self) -> str | None:
        """The name of the loss; None for the task's own."""


S = TypeVar("S", bound=Scored)


class OneNetwork(Method[S]):
    """A method that trains one network: all but building and training it."""

    @abstractmethod
    def network(self, context: NetworkContext) -> nn.Module:
        """Return the network with its initial weights."""

    def trained(self, context: Context) -> nn.Module:
        """Return the network with its final weights."""
        return load(context, self.network(context))

    def predictor(self, context: Context) -> Callable[[Batch], Prediction]:
        """Return the trained network as a function."""
        return predictor(context, self.trained(context), context.fold("test"), self.settings.loss)

    def outcome(self, context: Context) -> Outcome:
        """Describe the network."""
        return outcome(context, self.network(context))
