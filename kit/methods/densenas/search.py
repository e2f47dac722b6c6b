"""DenseNAS's search: steps of the weights on sampled layers, of the architecture on all."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import replace

import torch
from msgspec import structs
from torch import Tensor

from kit.base.context import Context
from kit.base.method import NetworkContext
from kit.data.folds import Fold
from kit.data.loading import Batch
from kit.errors import KitError
from kit.methods.densenas.info import PARTS, DenseNasSearch, DenseNasSettings
from kit.methods.densenas.rates import annealing
from kit.seeding import key
from kit.settings import Schedule
from kit.spaces.densenas import Block, Supernet, rescale
from kit.training import one_shot
from kit.training.checkpointer import Checkpointer
from kit.training.loop import Hooks, network_loss
from kit.training.losses import loss
from kit.training.optimisers import make_optimiser

Batches = Callable[[int], Iterator[Batch]]


def search(context: Context, checkpointer: Checkpointer, settings: DenseNasSettings) -> list[Block]:
    """Return the blocks that the search finds, from its last checkpoint on.

    Raises:
        KitError: there are fewer samples than parts.
    """
    options, network = settings.search, build_supernet(context, settings)
    parts, held_out = in_parts(context.fold("search")), context.fold("search_val")
    seed, size = context.spec.seed, options.batch_size
    loss_function = loss(settings.loss or context.task.loss)[0]
    speed = structs.replace(settings.speed, compile=False, cuda_graphs=False)

    def batches(epoch: int) -> Iterator[Batch]:
        each = (
            part.shuffled(size, seed, "search", number, epoch) for number, part in enumerate(parts)
        )
        return map(Batch.join, zip(*each, strict=True))

    def others(epoch: int) -> Iterator[Batch]:
        return one_shot.endless(
            lambda turn: held_out.shuffled(size, seed, "search-val", epoch, turn)
        )

    def loss_on(fold: Fold) -> Callable[[Batch], Tensor]:
        return network_loss(network, fold, loss_function, speed)

    one_shot.search(
        checkpointer,
        network,
        _weights(network, options, batches, loss_on(parts[0]), len(parts[0])),
        # Both folds decode targets by the same normaliser.
        _architecture(
            network,
            options,
            batches if options.architecture_on == "weights" else others,
            loss_on(held_out),
        ),
        epochs=options.epochs,
        order="architecture-first",
        warm_start=options.warm_start,
        observe=lambda: {"cost": _cost(network)},
    )
    return network.derive()


def _weights(
    network: Supernet,
    options: DenseNasSearch,
    batches: Batches,
    batch_loss: Callable[[Batch], Tensor],
    samples: int,
) -> one_shot.Learner[Batch]:
    """Return how the weights learn: by SGD, in each step those of newly sampled layers.

    Args:
        network: the supernet.
        options: of the search.
        batches: of an epoch.
        batch_loss: of the supernet.
        samples: of one part, which the schedule counts.
    """
    weights = network.weights
    sgd = make_optimiser([{"params": weights}], options.optimiser)
    set_rate = annealing(sgd, options.floor, samples, options.batch_size, options.epochs)

    def sample(epoch: int, step: int) -> None:
        set_rate(epoch, step)
        network.sample(uniform=epoch < options.warm_start)

    def move_idle() -> None:
        for weight in weights if options.idle_momentum else ():
            if weight.grad is None and weight in sgd.state:
                weight.grad = torch.zeros_like(weight)

    hooks = Hooks(before_step=sample, after_backward=move_idle)
    return one_shot.Learner(weights, sgd, Schedule(), batch_loss, batches=batches, hooks=hooks)


def _architecture(
    network: Supernet,
    options: DenseNasSearch,
    batches: Batches,
    batch_loss: Callable[[Batch], Tensor],
) -> one_shot.Learner[Batch]:
    """Return how alphas and betas learn: from all layers, by the loss and the cost.

    Args:
        network: the supernet.
        options: of the search.
        batches: of an epoch.
        batch_loss: of the supernet.
    """
    architecture = [network.alphas, network.betas]
    before = network.alphas.detach().clone()

    def with_cost(batch: Batch) -> Tensor:
        cost = network.cost().log() / math.log(options.cost_base)
        return batch_loss(batch) + options.cost_weight * cost

    def take_all(epoch: int, step: int) -> None:
        del epoch, step
        network.all()
        before.copy_(network.alphas.detach())

    @torch.no_grad()
    def rescale_all() -> None:
        everything = torch.ones_like(before, dtype=torch.bool)
        network.alphas.copy_(rescale(before, network.alphas, everything))

    return one_shot.Learner(
        architecture,
        make_optimiser([{"params": architecture}], options.architecture),
        Schedule(),
        with_cost,
        batches=batches,
        hooks=Hooks(before_step=take_all, after_step=rescale_all),
    )


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
        raise KitError(
            f"'search' has {len(fold)} samples, of which each step takes {PARTS}; give it more, by "
            "data.samples, data.split or a task with more data"
        )
    return [
        replace(fold, addresses=fold.addresses[part * size : (part + 1) * size])
        for part in range(PARTS)
    ]


@torch.no_grad()
def _cost(network: Supernet) -> Tensor:
    """Return the expected cost of all paths, in millions of multiply-adds."""
    network.all()
    return network.cost()
