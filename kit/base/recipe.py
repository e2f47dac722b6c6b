"""The training of one network: an optimiser, a schedule, a score after each epoch."""

from __future__ import annotations

import math
from collections.abc import Callable
from functools import partial

import torch
from torch import nn

from kit.base import networks
from kit.base.context import Context
from kit.errors import KitError
from kit.settings import TrainingSettings
from kit.training.checkpointer import Checkpointer
from kit.training.loop import make_optimiser, network_loss, score, train
from kit.training.losses import loss, relative_l2
from kit.training.monitor import Monitor

BATCH = 64


def fit(
    context: Context, checkpointer: Checkpointer, network: nn.Module, settings: TrainingSettings
) -> None:
    """Train a network on the final fold by its settings, in place."""
    optimiser = make_optimiser([{"params": list(network.parameters())}], settings.optimiser)
    run(
        context,
        checkpointer,
        network,
        settings,
        optimiser,
        monitor(context, network, settings, optimiser),
    )


def run(
    context: Context,
    checkpointer: Checkpointer,
    network: nn.Module,
    settings: TrainingSettings,
    optimiser: torch.optim.Optimizer,
    watch: Monitor | None,
    before_epoch: Callable[[int], object] = lambda _: None,
) -> None:
    """As ``fit``, with an optimiser, a monitor and a hook that the caller made."""
    fold = context.fold("final_fit")
    train(
        checkpointer,
        network,
        optimiser,
        settings.schedule,
        epochs=settings.epochs,
        batches=lambda epoch: fold.shuffled(
            settings.batch_size, context.spec.seed, *checkpointer.stream, epoch
        ),
        loss=network_loss(network, fold, loss(settings.loss or context.task.loss)[0]),
        steps=fold.batch_count(settings.batch_size),
        monitor=watch,
        before_epoch=before_epoch,
    )


def monitor(
    context: Context,
    network: nn.Module,
    settings: TrainingSettings,
    optimiser: torch.optim.Optimizer,
) -> Monitor | None:
    """Return what scores the network after each epoch; None where the settings ask for no score.

    Raises:
        KitError: see ``scored``.
    """
    if not scored(settings):
        return None
    measure = _metric if settings.validation.by == "metric" else _loss
    score = partial(measure, context, network, settings)
    return Monitor(network, optimiser, settings.schedule, settings.validation, score)


def scored(settings: TrainingSettings) -> bool:
    """Tell whether the settings ask for scores on a validation fold.

    Raises:
        KitError: the schedule needs a score and there is none.
    """
    schedule, validation = settings.schedule, settings.validation
    if validation.role == "none":
        if schedule.kind == "plateau":
            raise KitError("schedule.kind = 'plateau' needs validation.role, such as 'tune_val'")
        return False
    return True


def _metric(context: Context, network: nn.Module, settings: TrainingSettings) -> float:
    fold = context.fold(settings.validation.role)
    predict = networks.predictor(context, network, fold, settings.loss)
    value = score(predict, fold, context.task, BATCH)[context.task.metrics[0]].value
    return math.nan if value is None else value


@torch.no_grad()
def _loss(context: Context, network: nn.Module, settings: TrainingSettings) -> float:
    """Return the mean loss over the samples."""
    fold = context.fold(settings.validation.role)
    function = loss(settings.loss or context.task.loss)[0]
    network.eval()
    total = torch.zeros((), device=context.device)
    for batch in fold.batches(BATCH):
        value = function(fold.targets.decode(network(batch.x)), batch)
        total += value if function is relative_l2 else value * len(batch.x)
    return float(total / len(fold))
