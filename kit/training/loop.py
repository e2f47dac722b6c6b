"""The training loop: one device-to-host transfer per epoch, none inside it."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from kit.data.folds import Fold
from kit.data.loading import Batch
from kit.metrics import Prediction, evaluator
from kit.runs.records import MetricValue
from kit.settings import Optimiser, Schedule, Speed
from kit.task import Task
from kit.training import distributed
from kit.training.checkpointer import Checkpointer, Stateful
from kit.training.losses import Kind, Loss
from kit.training.monitor import Monitor
from kit.training.ranger import Ranger
from kit.training.schedules import apply_rate, by_step
from kit.training.speed import accelerate, allow_tf32

ADAMS: dict[str, Callable[..., torch.optim.Optimizer]] = {
    "adam": torch.optim.Adam,
    "adamw": torch.optim.AdamW,
    "ranger": Ranger,
}

# What a step learns from: a batch, or whatever a method makes of several.
Work = TypeVar("Work")
PLAIN = Speed()


def make_optimiser(groups: Sequence[dict[str, Any]], settings: Optimiser) -> torch.optim.Optimizer:
    """Return an optimiser over parameter groups; a group may bring its own ``lr``."""
    rate, decay = settings.learning_rate, settings.weight_decay
    optimiser: torch.optim.Optimizer
    if settings.kind == "sgd":
        nesterov = settings.nesterov and settings.momentum > 0
        optimiser = torch.optim.SGD(groups, rate, settings.momentum, 0.0, decay, nesterov)
    elif settings.kind == "rmsprop":
        # The epsilon of Keras, whose networks use it.
        optimiser = torch.optim.RMSprop(groups, rate, settings.momentum, 1e-7, decay)
    else:
        betas = (settings.momentum, 0.999)
        optimiser = ADAMS[settings.kind](groups, lr=rate, betas=betas, weight_decay=decay)
    for group in optimiser.param_groups:
        group["initial_lr"] = group["lr"]
    return optimiser


def train(
    checkpointer: Checkpointer,
    network: nn.Module,
    optimiser: torch.optim.Optimizer,
    schedule: Schedule,
    *,
    epochs: int,
    batches: Callable[[int], Iterator[Work]],
    loss: Callable[[Work], Tensor],
    until: int | None = None,
    steps: int | None = None,
    extra_optimisers: Sequence[torch.optim.Optimizer] = (),
    monitor: Monitor | None = None,
    before_epoch: Callable[[int], object] = lambda _: None,
    after_backward: Callable[[], object] = lambda: None,
    observe: Callable[[], dict[str, Any]] = dict,
) -> None:
    """Train a network for some epochs, from the stage's last checkpoint on.

    Args:
        checkpointer: keeps the checkpoint and the history.
        network: what is trained, in place.
        optimiser: with ``initial_lr`` in each group.
        schedule: of the learning rate.
        epochs: in all, those before the checkpoint included.
        batches: the batches of an epoch, by its number.
        loss: runs the network on a batch.
        until: stop after so many epochs, with a checkpoint to go on from; None for all.
        steps: of one epoch, for schedules that change the rate within epochs.
        extra_optimisers: more, which step and follow the schedule with the first.
        monitor: scores the network after each epoch.
        before_epoch: called with the epoch, once the network is in training mode.
        after_backward: called between backward pass and step.
        observe: values for the history, once per epoch.
    """
    optimisers = [optimiser, *extra_optimisers]
    state: dict[str, Stateful] = {"network": network, "optimiser": optimiser}
    state |= {f"extra-optimiser-{number}": each for number, each in enumerate(extra_optimisers)}
    if monitor is not None:
        state["monitor"] = monitor
    end = epochs if until is None else until
    for epoch in range(checkpointer.resume(state), end):
        if monitor is not None and monitor.ended:
            break
        checkpointer.begin_epoch(epoch)
        network.train()
        before_epoch(epoch)
        losses = []
        for step, work in enumerate(batches(epoch)):
            within = step / steps if steps and by_step(schedule) else 0.0
            for each in optimisers:
                if step == 0 or within:
                    apply_rate(each, epoch + within, schedule, epochs)
                each.zero_grad(set_to_none=True)
            value = loss(work)
            value.backward()
            after_backward()
            for each in optimisers:
                each.step()
            losses.append(value.detach())
        mean = distributed.mean(torch.stack(losses).mean())
        scored = {} if monitor is None else monitor.after_epoch()
        checkpointer.end_epoch(epoch, end, state, loss=mean, **scored, **observe())
    if monitor is not None:
        monitor.finish()
    distributed.broadcast(network)


def network_loss(
    network: nn.Module, fold: Fold, loss: Loss, speed: Speed = PLAIN
) -> Callable[[Batch], Tensor]:
    """Return the loss of a network whose output the fold's target normaliser decodes.

    Where several processes train together, it is of this process's part of the batch.
    """
    run = accelerate(network, speed, len(fold.input_shape) - 1)

    def of_batch(batch: Batch) -> Tensor:
        part, weight = distributed.shard(batch)
        value = loss(fold.targets.decode(run(part.x)), part)
        if part is batch:
            return value
        return value * distributed.weight_of(loss, weight, batch, part)

    return of_batch


def network_predictor(network: nn.Module, fold: Fold, kind: Kind) -> Callable[[Batch], Prediction]:
    """Return a function from batches to predictions in the task's units, in evaluation mode."""
    network.eval()
    # Weights are float64 while a network is trained so.
    floats = (each.dtype for each in network.parameters() if each.is_floating_point())
    dtype = next(floats, torch.float32)

    def predict(batch: Batch) -> Prediction:
        allow_tf32(False)
        with torch.no_grad():
            return Prediction(fold.targets.decode(network(batch.x.to(dtype)).float()), kind)

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
