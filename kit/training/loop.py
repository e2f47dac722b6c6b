"""The training loop: one device-to-host transfer per epoch, none inside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn

from kit.data.folds import Fold
from kit.data.loading import Batch
from kit.metrics import Prediction, evaluator
from kit.runs.records import MetricValue
from kit.settings import Schedule, Sgd
from kit.task import Task
from kit.training.losses import Kind, Loss
from kit.training.schedules import apply_rate
from kit.training.stage import Stage, Stateful


def sgd(groups: list[dict[str, Any]], settings: Sgd) -> torch.optim.SGD:
    """Return an optimiser over parameter groups; a group may bring its own ``lr``."""
    optimiser = torch.optim.SGD(
        groups,
        lr=settings.learning_rate,
        momentum=settings.momentum,
        weight_decay=settings.weight_decay,
        nesterov=settings.nesterov and settings.momentum > 0,
    )
    for group in optimiser.param_groups:
        group["initial_lr"] = group["lr"]
    return optimiser


def train(
    stage: Stage,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    schedule: Schedule,
    *,
    epochs: int,
    batches: Callable[[int], Iterator[Batch]],
    loss: Callable[[Batch], Tensor],
    after_backward: Callable[[], object] = lambda: None,
    observe: Callable[[], dict[str, Any]] = dict,
) -> None:
    """Train a network for some epochs, from the stage's last checkpoint on.

    Args:
        stage: keeps the checkpoint and the history.
        network: what is trained, in place.
        optimiser: with ``initial_lr`` in each group.
        schedule: of the learning rate.
        epochs: in all, those before the checkpoint included.
        batches: the batches of an epoch, by its number.
        loss: runs the network on a batch.
        after_backward: called between backward pass and step.
        observe: values for the history, once per epoch.
    """
    state: dict[str, Stateful] = {"network": network, "optimiser": optimiser}
    for epoch in range(stage.resume(state), epochs):
        stage.begin_epoch(epoch)
        network.train()
        apply_rate(optimiser, epoch, schedule)
        losses = []
        for batch in batches(epoch):
            optimiser.zero_grad(set_to_none=True)
            value = loss(batch)
            value.backward()
            after_backward()
            optimiser.step()
            losses.append(value.detach())
        mean = float(torch.stack(losses).mean())
        stage.end_epoch(epoch, epochs, state, loss=mean, **observe())


def network_loss(network: nn.Module, fold: Fold, loss: Loss) -> Callable[[Batch], Tensor]:
    """Return the loss of a network whose output the fold's target normaliser decodes."""
    return lambda batch: loss(fold.targets.decode(network(batch.x)), batch)


def network_predictor(network: nn.Module, fold: Fold, kind: Kind) -> Callable[[Batch], Prediction]:
    """Return a function from batches to predictions in the task's units, in evaluation mode."""
    network.eval()

    def predict(batch: Batch) -> Prediction:
        with torch.no_grad():
            return Prediction(fold.targets.decode(network(batch.x)), kind)

    return predict


def score(
    predict: Callable[[Batch], Prediction], fold: Fold, task: Task, batch_size: int
) -> dict[str, MetricValue]:
    """Return all metrics of a task over a whole fold, the table's first."""
    evaluators = [evaluator(name, task) for name in task.metrics]
    for batch in fold.batches(batch_size):
        prediction = predict(batch)
        for each in evaluators:
            each.update(prediction, batch)
    return {name: value for each in evaluators for name, value in each.compute().items()}
