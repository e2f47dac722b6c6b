"""The final network: the chosen layers, wider than in the search and trained by themselves."""

from __future__ import annotations

from typing import Any

import torch
from torch import nn

from kit.base import networks
from kit.base.context import Context
from kit.base.fit import fit
from kit.base.method import NetworkContext
from kit.errors import KitError
from kit.methods.amber.info import AmberNetworkSettings
from kit.seeding import key
from kit.settings import TrainingSettings
from kit.spaces.amber import LayeredNetwork, final_network
from kit.spaces.amber.operations import SameConv1d
from kit.training.loop import Hooks
from kit.training.optimisers import make_optimiser


def build(
    context: NetworkContext, settings: AmberNetworkSettings, architecture: Any
) -> LayeredNetwork:
    """Return the network of layers, with initial weights that the run's seed decides.

    Raises:
        KitError: the sequences are too short for these layers.
    """
    options = settings.evaluate
    torch.manual_seed(key(context.spec.seed, "network"))
    try:
        network = final_network(
            context.input_shape,
            context.task.outputs,
            architecture,
            width=options.width,
            hidden=options.hidden,
            dropout=options.dropout,
        )
    except ValueError as error:
        raise KitError(str(error)) from None
    return network.to(context.device)


def evaluate(context: Context, settings: AmberNetworkSettings, architecture: Any) -> None:
    """Train the network of layers, write its weights, and finish the stage."""
    options = settings.evaluate
    network = build(context, settings, architecture)
    checkpointer = context.checkpointer("evaluate", options.epochs)
    training = TrainingSettings(
        data=settings.data,
        epochs=options.epochs,
        batch_size=options.batch_size,
        optimiser=options.optimiser,
        schedule=options.schedule,
        loss=settings.loss,
    )
    convolutions = regularised(network)
    bounded = {id(weight) for weight in convolutions}
    others = [each for each in network.parameters() if id(each) not in bounded]
    # The penalty ``l2`` times the sum of squares, as weight decay.
    decay = options.optimiser.weight_decay + 2 * options.l2
    groups: list[dict[str, Any]] = [
        {"params": convolutions, "weight_decay": decay},
        {"params": others},
    ]
    fit(
        context,
        checkpointer,
        network,
        context.fold("final_fit"),
        training,
        speed=settings.speed,
        optimiser=make_optimiser(groups, options.optimiser),
        hooks=Hooks(after_step=lambda: bound(convolutions, options.largest_norm)),
    )
    networks.save(context, network)
    context.finish(checkpointer)


def regularised(network: LayeredNetwork) -> list[nn.Parameter]:
    """Return the weights of the stem and of the convolutions that are operations of a layer.

    Only these have a penalty and a largest norm; those before poolings and in reductions do not.
    """
    searched = [each for part in (network.stem, network.candidates) for each in part.modules()]
    return [
        each.get_parameter("weight")
        for each in searched
        if isinstance(each, SameConv1d) and each.kernel_size[0] > 1
    ]


@torch.no_grad()
def bound(weights: list[nn.Parameter], largest: float) -> None:
    """Scale down each row of taps, between an input and an output channel, to a largest norm.

    Keras takes norms over the first axis of (taps, inputs, outputs), which are the taps.
    """
    for weight in weights:
        norms = weight.norm(dim=2, keepdim=True)
        weight.mul_(norms.clamp(max=largest) / (norms + 1e-7))
