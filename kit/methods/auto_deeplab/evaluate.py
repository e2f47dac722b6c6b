"""The evaluation: the network of an architecture, trained on all training data."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import torch
from torch import nn

from kit.base import networks
from kit.base.context import Context
from kit.base.fit import fit
from kit.base.method import NetworkContext
from kit.methods.auto_deeplab.fitted import AsTested, Fitted
from kit.methods.auto_deeplab.info import AutoDeepLabSettings
from kit.methods.auto_deeplab.rates import setter, warmed
from kit.seeding import key
from kit.settings import Schedule, TrainingSettings
from kit.spaces.auto_deeplab.network import TrellisNetwork
from kit.training.loop import Hooks
from kit.training.optimisers import make_optimiser


def evaluate(
    context: Context, settings: AutoDeepLabSettings, architecture: Mapping[str, Any]
) -> None:
    """Train the network of an architecture, write its weights, and finish the stage."""
    options = settings.evaluation
    checkpointer = context.checkpointer("evaluate", options.epochs)
    network, fold = final_network(context, settings, architecture), context.fold("final_fit")
    # Incomplete batches are left out.
    steps = max(1, len(fold) // options.batch_size)
    sgd = make_optimiser([{"params": list(network.parameters())}], options.optimiser)
    rate = partial(
        warmed,
        options.optimiser.learning_rate,
        options.first_rate,
        options.warm_up,
        options.power,
        steps=steps * options.epochs,
    )

    def before_epoch(epoch: int) -> None:
        if options.training_mode == "first-epoch" and epoch > 0:
            network.eval()

    fit(
        context,
        checkpointer,
        network,
        fold,
        TrainingSettings(
            data=settings.data,
            epochs=options.epochs,
            batch_size=options.batch_size,
            optimiser=options.optimiser,
            schedule=Schedule(),
            loss=settings.loss,
        ),
        limit=steps,
        speed=settings.speed,
        optimiser=sgd,
        hooks=Hooks(before_epoch=before_epoch, before_step=setter(sgd, rate, steps)),
    )
    networks.save(context, network)
    context.finish(checkpointer)


def final_network(
    context: NetworkContext, settings: AutoDeepLabSettings, architecture: Mapping[str, Any]
) -> Fitted[TrellisNetwork]:
    """Return the network of an architecture, with initial weights that the run's seed decides."""
    options = settings.evaluation
    torch.manual_seed(key(context.spec.seed, "network"))
    network = TrellisNetwork(
        context.input_shape[0],
        context.task.outputs,
        architecture["path"],
        [(int(edge), str(operation)) for edge, operation in architecture["cell"]],
        filters=options.filters,
        width=options.width,
        op_order=options.op_order,
    )
    fitted = Fitted(network, settings.multiple, swap_axes=settings.swap_axes)
    return fitted.to(context.device)


def tested(context: Context, settings: AutoDeepLabSettings, network: nn.Module) -> AsTested:
    """Return a trained network wrapped for testing, by the settings."""
    options = settings.evaluation
    return AsTested(
        network,
        options.test_batch_size,
        training=options.test_mode == "training",
        seed=key(context.spec.seed, "test"),
    )
