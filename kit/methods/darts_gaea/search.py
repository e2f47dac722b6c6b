"""The search: a supernet's weights and its mixtures learn in turn, on two halves of the data."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import torch

from kit.base.context import Context
from kit.base.method import NetworkContext
from kit.data.loading import Batch
from kit.methods.darts_gaea.info import GaeaSearch, GaeaSettings
from kit.search import ExponentiatedGradient
from kit.seeding import key
from kit.settings import Schedule
from kit.spaces.darts.genotype import CELLS, Genotype
from kit.spaces.darts.mixture import EDGES_OF_NODES, Mixtures
from kit.spaces.darts.skipping import Skipping
from kit.spaces.darts.supernet import DartsSupernet
from kit.training import one_shot
from kit.training.loop import network_loss
from kit.training.losses import loss
from kit.training.optimisers import eager, make_optimiser


def search(context: Context, settings: GaeaSettings) -> Genotype:
    """Return the genotype after the last epoch, and finish the stage with it."""
    options = settings.search
    checkpointer = context.checkpointer("search", options.epochs)
    network = build_supernet(context, settings)
    supernet = network.network
    fold, held_out = context.fold("search"), context.fold("search_val")
    size, seed = options.batch_size, context.spec.seed
    limit = max(1, len(fold) // size)
    loss_function = loss(settings.loss or context.task.loss)[0]

    def batches(epoch: int) -> Iterator[Batch]:
        return fold.shuffled(size, seed, "search", epoch, limit=limit)

    def architecture_batches(epoch: int) -> Iterator[Batch]:
        return one_shot.endless(
            lambda turn: held_out.shuffled(size, seed, "search-val", epoch, turn)
        )

    batch_loss = network_loss(network, fold, loss_function, settings.speed, averaged=False)
    parameters = supernet.weights()
    weights = one_shot.Learner(
        parameters,
        make_optimiser([{"params": parameters}], options.optimiser),
        options.schedule,
        batch_loss,
        batches=batches,
        steps=limit,
        clip=options.clip,
    )
    mixtures = supernet.mixtures
    architecture = one_shot.Learner(
        list(mixtures.parameters()),
        exponentiated(mixtures, options),
        Schedule(),
        batch_loss,
        batches=architecture_batches,
    )
    one_shot.search(
        checkpointer,
        network,
        weights,
        architecture,
        epochs=options.epochs,
        order="weights-first",
        warm_start=options.warm_start,
        hold=not settings.speed.cuda_graphs,
        observe=lambda: observe(mixtures, dense=supernet.dense),
    )
    genotype = mixtures.genotype()
    value = {"dims": context.task.dims, **genotype.value()}
    context.finish(checkpointer, architecture=value)
    return genotype


def exponentiated(mixtures: Mixtures, options: GaeaSearch) -> ExponentiatedGradient:
    """Return the optimiser of alphas and betas, on the simplices that the options name."""
    groups = [
        {"params": list(mixtures.alphas.values())},
        {"params": list(mixtures.betas.values()), "parts": list(mixtures.parts)},
    ]
    return eager(ExponentiatedGradient)(groups, options.learning_rate, options.floor or None)


def build_supernet(context: NetworkContext, settings: GaeaSettings) -> Skipping[DartsSupernet]:
    """Return the supernet of a run, with weights that its seed decides."""
    options = settings.search
    torch.manual_seed(key(context.spec.seed, "supernet"))
    network = DartsSupernet(
        context.input_shape[0],
        context.task.outputs,
        mixtures=Mixtures(options.mixture, options.start, options.beta_simplex),
        dims=context.task.dims,
        dense=context.task.dense,
        channels=options.channels,
        layers=options.layers,
        reduction=settings.reduction,
    )
    return Skipping(network, settings.skip).to(context.device)


@torch.no_grad()
def observe(mixtures: Mixtures, *, dense: bool = False) -> dict[str, Any]:
    """Return the weights of operations and edges, as logits, and their mean entropy.

    ``alpha`` has a row for each edge, ``beta`` one for each node: of the normal cell, then of the
    reduction cell, which dense networks lack.
    """
    alphas, betas = [], []
    for cell in CELLS[:1] if dense else CELLS:
        mixture = mixtures(cell)
        alphas.append(mixture.operations.log().log_softmax(1))
        betas += [(part / part.sum()).log() for part in mixture.edges.split(EDGES_OF_NODES)]
    operations = torch.cat(alphas)
    entropy = -(operations.exp() * operations).sum(1).mean()
    return {
        "entropy": round(float(entropy), 6),
        "alpha": [[round(value, 6) for value in row] for row in operations.tolist()],
        "beta": [[round(value, 6) for value in row] for row in (each.tolist() for each in betas)],
    }
