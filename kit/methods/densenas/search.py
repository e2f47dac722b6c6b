"""DenseNAS's search: steps of the weights on sampled layers, of the architecture on all."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace

import torch
from msgspec import structs
from torch import Tensor

from kit.base.context import Context
from kit.base.method import NetworkContext
from kit.data.folds import Fold
from kit.data.loading import Batch
from kit.errors import KitError
from kit.methods.densenas.info import DenseNasSettings
from kit.methods.densenas.rates import annealing
from kit.seeding import key
from kit.settings import Schedule
from kit.spaces.densenas import Block, Supernet, rescale
from kit.training import one_shot
from kit.training.checkpointer import Checkpointer
from kit.training.loop import Hooks, network_loss
from kit.training.losses import loss
from kit.training.optimisers import make_optimiser

# The weights' samples are divided into parts, each of which gives a batch to every step.
PARTS = 4


def search(context: Context, checkpointer: Checkpointer, settings: DenseNasSettings) -> list[Block]:
    """Return the blocks that the search finds, from its last checkpoint on.

    Raises:
        KitError: there are fewer samples than parts.
    """
    options, network = settings.search, build_supernet(context, settings)
    parts, held_out = in_parts(context.fold("search")), context.fold("search_val")
    on_weights = options.architecture_on == "weights"
    seed, size = context.spec.seed, options.batch_size

    def batches(epoch: int) -> Iterator[Batch]:
        each = (
            part.shuffled(size, seed, "search", number, epoch) for number, part in enumerate(parts)
        )
        return map(Batch.join, zip(*each, strict=True))

    def others(epoch: int) -> Iterator[Batch]:
        if on_weights:
            return batches(epoch)
        return one_shot.endless(
            lambda turn: held_out.shuffled(size, seed, "search-val", epoch, turn)
        )

    loss_function = loss(settings.loss or context.task.loss)[0]
    speed = structs.replace(settings.speed, compile=False, cuda_graphs=False)
    batch_loss = network_loss(network, parts[0], loss_function, speed)
    # Both folds decode targets by the same normaliser.
    held_out_loss = network_loss(network, held_out, loss_function, speed)

    def with_cost(batch: Batch) -> Tensor:
        cost = network.cost().log() / math.log(options.cost_base)
        return held_out_loss(batch) + options.cost_weight * cost

    weights = network.weights
    sgd = make_optimiser([{"params": weights}], options.optimiser)
    set_rate = annealing(sgd, options.floor, len(parts[0]), size, options.epochs)
    architecture = [network.alphas, network.betas]
    before = network.alphas.detach().clone()

    def sample(epoch: int, step: int) -> None:
        set_rate(epoch, step)
        network.sample(uniform=epoch < options.warm_start)

    def move_idle() -> None:
        for weight in weights if options.idle_momentum else ():
            if weight.grad is None and weight in sgd.state:
                weight.grad = torch.zeros_like(weight)

    def take_all(epoch: int, step: int) -> None:
        del epoch, step
        network.all()
        before.copy_(network.alphas.detach())

    @torch.no_grad()
    def rescale_all() -> None:
        everything = torch.ones_like(before, dtype=torch.bool)
        network.alphas.copy_(rescale(before, network.alphas, everything))

    one_shot.search(
        checkpointer,
        network,
        one_shot.Learner(
            weights,
            sgd,
            Schedule(),
            batch_loss,
            batches=batches,
            hooks=Hooks(before_step=sample, after_backward=move_idle),
        ),
        one_shot.Learner(
            architecture,
            make_optimiser([{"params": architecture}], options.architecture),
            Schedule(),
            with_cost,
            batches=others,
            hooks=Hooks(before_step=take_all, after_step=rescale_all),
        ),
        epochs=options.epochs,
        order="architecture-first",
        warm_start=options.warm_start,
        observe=lambda: {"cost": _cost(network)},
    )
    return network.derive()


def build_supernet(context: NetworkContext, settings: DenseNasSettings) -> Supernet:
    """Return the supernet on the run's device, with weights that its seed decides."""
    options = settings.search
    torch.manual_seed(key(context.spec.seed, "supernet"))
    network = Supernet(
        settings.table,
        context.input_shape,
        context.task.outputs,
        dense=context.task.dense,
        pad=settings.pad,
        temperature=options.temperature,
        double_softmax=options.double_softmax,
        cost_shape=options.cost_shape,
        convolutions=options.count_convolutions,
    )
    return network.to(context.device)


def in_parts(fold: Fold) -> list[Fold]:
    """Divide a fold into ``PARTS`` equal parts in its order; samples left over are not used.

    Raises:
        KitError: it has fewer than four samples.
    """
    size = len(fold) // PARTS
    if size == 0:
        raise KitError(f"'search' has {len(fold)} samples, of which each step takes {PARTS}")
    return [
        replace(fold, addresses=fold.addresses[part * size : (part + 1) * size])
        for part in range(PARTS)
    ]


@torch.no_grad()
def _cost(network: Supernet) -> Tensor:
    """Return the expected cost of all paths, in millions of multiply-adds."""
    network.all()
    return network.cost()
