"""The training of one network: its optimiser, its schedule, a score after each epoch."""

from __future__ import annotations

import math
from functools import partial

import torch
from torch import nn
from torch.optim import Optimizer

from kit.base import networks
from kit.base.context import Context
from kit.data.folds import Fold
from kit.settings import Speed, TrainingSettings
from kit.training.checkpointer import Checkpointer
from kit.training.loop import NO_HOOKS, PLAIN, Hooks, at_once, dtype_of, network_loss, score, train
from kit.training.losses import loss, weight
from kit.training.monitor import Monitor
from kit.training.optimisers import make_optimiser

SCORED_AT_ONCE = 64
"""Largest batch, in samples, of a score between epochs."""


def fit(
    context: Context,
    checkpointer: Checkpointer,
    network: nn.Module,
    fold: Fold,
    settings: TrainingSettings,
    *,
    limit: int | None = None,
    until: int | None = None,
    speed: Speed = PLAIN,
    optimiser: Optimizer | None = None,
    monitor: Monitor | None = None,
    hooks: Hooks = NO_HOOKS,
) -> None:
    """Train a network on a fold, in place and in an order that the run's seed decides.

    Args:
        context: gives the task, the seed and the validation fold.
        checkpointer: keeps the checkpoint and the history.
        network: returns a tensor, or in training mode a tuple: its output, then those of auxiliary
            heads.
        fold: shuffled anew in every epoch.
        settings: optimiser, schedule, epochs, batch size and what validation decides.
        limit: batches per epoch, None for all.
        until: stop after this many epochs, with a checkpoint to resume from; None for all.
        speed: options that make the training passes faster.
        optimiser: None for one of all weights, made from the settings.
        monitor: scores the network; None for one made from the settings.
        hooks: called around epochs and steps.

    Raises:
        DivergedError: the loss or a weight is not finite.
        KitError: the schedule needs a score, but the settings ask for none.
    """
    if optimiser is None:
        optimiser = make_optimiser([{"params": list(network.parameters())}], settings.optimiser)
    if monitor is None:
        monitor = make_monitor(context, network, settings, optimiser, fold)
    steps = fold.batch_count(settings.batch_size)
    loss_function = loss(settings.loss or context.task.loss)[0]
    train(
        checkpointer,
        network,
        optimiser,
        settings.schedule,
        epochs=settings.epochs,
        batches=lambda epoch: fold.shuffled(
            settings.batch_size, context.spec.seed, *checkpointer.stream, epoch, limit=limit
        ),
        loss=network_loss(network, fold, loss_function, speed, auxiliary=settings.auxiliary),
        until=until,
        steps=steps if limit is None else min(limit, steps),
        clip=settings.clip,
        monitor=monitor,
        hooks=hooks,
    )


def make_monitor(
    context: Context,
    network: nn.Module,
    settings: TrainingSettings,
    optimiser: Optimizer,
    fold: Fold,
) -> Monitor | None:
    """Return a monitor of a network that learns from a fold; None if the settings ask for none."""
    held_out = validation_fold(context, settings, fold)
    if held_out is None:
        return None
    measure = metric_of if settings.validation.by == "metric" else mean_loss
    score_network = partial(measure, context, network, held_out, settings.loss, SCORED_AT_ONCE)
    return Monitor(network, optimiser, settings.schedule, settings.validation, score_network)


def validation_fold(context: Context, settings: TrainingSettings, fold: Fold) -> Fold | None:
    """Return the fold on which a network is scored after each epoch; None for no score.

    It is normalised as ``fold`` is, from which the network learns.
    """
    role = settings.validation.role
    return None if role == "none" else context.fold(role).normalised_as(fold)


def metric_of(
    context: Context, network: nn.Module, fold: Fold, loss_name: str | None, batch_size: int
) -> float:
    """Return the task's first metric of a network on a fold; NaN where it is not defined."""
    predict = networks.predictor(context, network, fold, loss_name)
    value = score(predict, fold, context.task, batch_size)[context.task.metrics[0]].value
    return math.nan if value is None else value


@torch.no_grad()
def mean_loss(
    context: Context, network: nn.Module, fold: Fold, loss_name: str | None, batch_size: int
) -> float:
    """Return the mean loss of a network over the samples of a fold, in evaluation mode."""
    function = loss(loss_name or context.task.loss)[0]
    network.eval()
    total, dtype = torch.zeros((), device=context.device), dtype_of(network)
    for batch in fold.batches(at_once(fold, batch_size)):
        value = function(fold.targets.decode(network(batch.x.to(dtype)).float()), batch)
        total += value * weight(function, len(batch.x))
    return float(total / len(fold))
