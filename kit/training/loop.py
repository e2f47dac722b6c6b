"""The training loop: one device-to-host transfer per epoch, none inside it."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from kit.data.folds import Fold
from kit.data.loading import Batch
from kit.errors import KitError
from kit.metrics import Prediction, evaluator
from kit.runs.records import MetricValue
from kit.settings import Schedule, Speed
from kit.task import Task
from kit.training import distributed
from kit.training.checkpointer import Checkpointer, Stateful
from kit.training.losses import Kind, Loss
from kit.training.monitor import Monitor
from kit.training.schedules import set_rate
from kit.training.single_sample import single_sample
from kit.training.speed import accelerate, allow_tf32

# What one step learns from: a batch, or what a method makes of several batches.
Work = TypeVar("Work")
# The most positions, summed over samples, of one pass without gradients.
POSITIONS = 64 * 128**2


@dataclass(frozen=True)
class Hooks:
    """What is called around the steps of a training.

    Attributes:
        before_epoch: with the epoch, once the network is in training mode.
        before_step: with the epoch and the number of the step in it, once the rate is set.
        after_backward: between the backward pass and the clipping of its gradients.
        after_step: after the optimiser's step.
    """

    before_epoch: Callable[[int], object] = lambda _: None
    before_step: Callable[[int, int], object] = lambda *_: None
    after_backward: Callable[[], object] = lambda: None
    after_step: Callable[[], object] = lambda: None


NO_HOOKS, PLAIN = Hooks(), Speed()


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
    clip: float = 0.0,
    monitor: Monitor | None = None,
    hooks: Hooks = NO_HOOKS,
) -> None:
    """Train a network for some epochs, from the last checkpoint on.

    Args:
        checkpointer: keeps the checkpoint and the history.
        network: trained in place.
        optimiser: with ``initial_lr`` in each group.
        schedule: how each group's rate follows from its ``initial_lr``.
        epochs: total number, those before the checkpoint included.
        batches: returns the batches of an epoch, given its number.
        loss: runs the network on a batch.
        until: stop after this many epochs, with a checkpoint to resume from; None for all.
        steps: number per epoch, for schedules that change the rate within epochs.
        clip: largest norm of all gradients together; 0 for no clipping.
        monitor: scores the network after each epoch.
        hooks: called around the steps.

    Raises:
        DivergedError: the loss or a weight is not finite.
    """
    weights = [weight for group in optimiser.param_groups for weight in group["params"]]

    def one_epoch(epoch: int) -> dict[str, Tensor]:
        hooks.before_epoch(epoch)
        losses = []
        for step, work in enumerate(batches(epoch)):
            set_rate(optimiser, schedule, epoch, step, steps, epochs)
            hooks.before_step(epoch, step)
            optimiser.zero_grad(set_to_none=True)
            value = loss(work)
            value.backward()
            hooks.after_backward()
            if clip:
                nn.utils.clip_grad_norm_(weights, clip)
            optimiser.step()
            losses.append(value.detach())
            hooks.after_step()
            if monitor is not None and monitor.after_step(epoch):
                break
        return {"loss": torch.stack(losses).mean()}

    state: dict[str, Stateful] = {"network": network, "optimiser": optimiser}
    run_epochs(checkpointer, network, state, one_epoch, epochs=epochs, until=until, monitor=monitor)


def run_epochs(
    checkpointer: Checkpointer,
    network: nn.Module,
    state: dict[str, Stateful],
    one_epoch: Callable[[int], dict[str, Tensor]],
    *,
    epochs: int,
    until: int | None = None,
    monitor: Monitor | None = None,
    observe: Callable[[], dict[str, Any]] = dict,
) -> None:
    """Run the epochs of any kind of training, from the last checkpoint on.

    Args:
        checkpointer: keeps the checkpoint and the history.
        network: put into training mode before each epoch.
        state: what a resumed training needs, the network among it.
        one_epoch: trains for an epoch, given its number; returns the mean ``loss`` and any more
            entries of the history, as tensors of one number.
        epochs: in all, those before the checkpoint included.
        until: stop after this many epochs, with a checkpoint to resume from; None for all.
        monitor: scores the network after each epoch.
        observe: returns more entries of the history, once per epoch.

    Raises:
        DivergedError: the loss or a weight is not finite.
    """
    if monitor is not None:
        state = {**state, "monitor": monitor}
    end = epochs if until is None else until
    for epoch in range(checkpointer.resume(state), end):
        if monitor is not None and monitor.ended:
            break
        checkpointer.begin_epoch(epoch)
        network.train()
        means = {name: distributed.mean(value) for name, value in one_epoch(epoch).items()}
        scored = {} if monitor is None else monitor.after_epoch()
        checkpointer.end_epoch(epoch, end, state, **means, **scored, **observe())
    if monitor is not None:
        monitor.finish()
    distributed.broadcast(network)


def network_loss(
    network: nn.Module,
    fold: Fold,
    loss: Loss,
    speed: Speed = PLAIN,
    *,
    auxiliary: float = 0.0,
    averaged: bool = True,
) -> Callable[[Batch], Tensor]:
    """Return the loss of a network whose output the fold's target normaliser decodes.

    Where several processes train together, it is of this process's part of the batch.

    Args:
        network: returns a tensor, or in training mode a tuple: its output, then those of auxiliary
            heads.
        fold: the one that batches come from.
        loss: takes (answer, batch) and returns a scalar.
        speed: options that make the passes faster, such as lower precision.
        auxiliary: weight of the loss of each auxiliary head.
        averaged: whether the backward pass averages gradients over all processes.

    Raises:
        KitError: by the returned function: ``auxiliary`` is set, but there are no auxiliary heads.
    """
    run = accelerate(network, speed, len(fold.input_shape) - 1, averaged=averaged)

    def batch_loss(batch: Batch) -> Tensor:
        part, weight = distributed.shard(batch)
        with single_sample(part.x):
            output = run(part.x)
        answer, *others = (output,) if isinstance(output, Tensor) else output
        if auxiliary and not others and network.training:
            raise KitError(
                f"auxiliary = {auxiliary:g} weighs other heads, and the network has none"
            )
        value = loss(fold.targets.decode(answer), part)
        for other in others if auxiliary else ():
            value = value + auxiliary * loss(fold.targets.decode(other), part)
        if part is batch:
            return value
        return value * distributed.weight_of(loss, weight, batch, part)

    return batch_loss


def network_predictor(network: nn.Module, fold: Fold, kind: Kind) -> Callable[[Batch], Prediction]:
    """Return a function from batches to predictions in the task's units, in evaluation mode."""
    network.eval()
    dtype = dtype_of(network)

    def predict(batch: Batch) -> Prediction:
        allow_tf32(False)
        with torch.no_grad():
            return Prediction(fold.targets.decode(network(batch.x.to(dtype)).float()), kind)

    return predict


def dtype_of(network: nn.Module) -> torch.dtype:
    """Return the type of a network's weights, which its inputs must have: float32 or float64."""
    floats = (each.dtype for each in network.parameters() if each.is_floating_point())
    return next(floats, torch.float32)


def at_once(fold: Fold, batch_size: int) -> int:
    """Return how many samples to evaluate in one pass: ``batch_size``, or fewer large ones.

    Sixty-four of PSICOV's maps of 512 x 512 would need more memory than GPUs have.
    """
    if not len(fold):
        return batch_size
    return max(1, min(batch_size, POSITIONS // math.prod(fold.first(1).x.shape[2:])))


def score(
    predict: Callable[[Batch], Prediction], fold: Fold, task: Task, batch_size: int
) -> dict[str, MetricValue]:
    """Return all metrics of a task over a whole fold, the table's first; see ``at_once``."""
    evaluators = [evaluator(name, task) for name in task.metrics]
    for batch in fold.batches(at_once(fold, batch_size)):
        prediction = predict(batch)
        for each in evaluators:
            each.update(prediction, batch)
    return {name: value for each in evaluators for name, value in each.compute().items()}
