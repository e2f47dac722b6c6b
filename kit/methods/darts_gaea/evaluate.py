"""The evaluation: the network of a genotype, trained on all training data."""

from __future__ import annotations

import torch
from msgspec.structs import replace

from kit.base import networks
from kit.base.context import Context
from kit.base.fit import fit
from kit.base.method import NetworkContext
from kit.methods.darts_gaea.genotypes import EvaluatedSettings, Evaluation
from kit.seeding import key
from kit.settings import TrainingSettings
from kit.spaces.darts.genotype import Genotype
from kit.spaces.darts.network import LAST_BATCH, DartsNetwork
from kit.spaces.darts.skipping import Skipping
from kit.spaces.operations import PLAIN
from kit.training.loop import Hooks


def evaluate(context: Context, settings: EvaluatedSettings, genotype: Genotype) -> None:
    """Train the network of a genotype, write its weights, and finish the stage."""
    options = settings.evaluation
    checkpointer = context.checkpointer("evaluate", options.epochs)
    network = final_network(context, settings, genotype)

    def raise_drop_path(epoch: int) -> None:
        network.network.drop = drop_path_at(epoch, options)

    data = replace(settings.data, cutout=options.cutout or settings.data.cutout)
    fit(
        context,
        checkpointer,
        network,
        context.data.fold("final_fit", data),
        TrainingSettings(
            data=settings.data,
            epochs=options.epochs,
            batch_size=options.batch_size,
            optimiser=options.optimiser,
            schedule=options.schedule,
            clip=options.clip,
            auxiliary=options.auxiliary,
            loss=settings.loss,
        ),
        speed=settings.speed,
        hooks=Hooks(before_epoch=raise_drop_path),
    )
    networks.save(context, network)
    context.finish(checkpointer)


def drop_path_at(epoch: int, options: Evaluation) -> float:
    """Return the probability that a path is left out in an epoch, counted from 0."""
    return options.drop_path * epoch / (options.drop_path_stretch * options.epochs)


def final_network(
    context: NetworkContext, settings: EvaluatedSettings, genotype: Genotype
) -> Skipping[DartsNetwork]:
    """Return the network of a genotype, with initial weights that the run's seed decides."""
    options = settings.evaluation
    dense = context.task.dense
    last_batch = options.batch_norm == "last-batch"
    torch.manual_seed(key(context.spec.seed, "network"))
    network = DartsNetwork(
        genotype,
        context.input_shape[0],
        context.task.outputs,
        dims=context.task.dims,
        dense=dense,
        channels=options.channels,
        layers=options.layers,
        reduction=settings.reduction,
        # In dense networks only the entries of cells have it.
        entry=LAST_BATCH if last_batch else PLAIN,
        norm=LAST_BATCH if last_batch and not dense else PLAIN,
        auxiliary=options.auxiliary > 0,
    )
    return Skipping(network, settings.skip).to(context.device)
