"""The loop of one-shot searches: a network's weights and its architecture learn side by side.

They take separate steps on separate batches, or one step together after one backward pass. What is
special about the steps of a method (sampled paths, a cost, a simplex) lies in the loss, the
optimiser and the hooks.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

import torch
from torch import Tensor, nn
from torch.optim import Optimizer

from kit.errors import KitError
from kit.settings import Schedule
from kit.training import distributed
from kit.training.checkpointer import Checkpointer, Stateful
from kit.training.loop import NO_HOOKS, Hooks, Work, run_epochs
from kit.training.monitor import Monitor
from kit.training.schedules import set_rate

# ``together``: one backward pass of the weights' loss on the weights' batch serves both.
Order = Literal["together", "weights-first", "architecture-first"]
Item = TypeVar("Item")


@dataclass(frozen=True, eq=False)
class Learner(Generic[Work]):
    """One of the two that learn: the weights, or the parameters of the architecture.

    Attributes:
        parameters: those that its steps change, and no other.
        optimiser: of these alone, with ``initial_lr`` in each group.
        schedule: how its rate follows from ``initial_lr``.
        loss: runs the network on a batch. The loop averages gradients over several processes, but
            in steps taken together the backward pass must.
        batches: returns those of an epoch, given its number. The weights' batches decide how many
            steps it has; the architecture's are drawn when a step needs them and must not run out
            (``endless``).
        steps: of one epoch, for schedules that change the rate within epochs.
        clip: largest norm of its gradients together, 0 for no clipping; in steps taken together
            that of the weights holds for all gradients.
        hooks: around its epochs and steps.
    """

    parameters: Sequence[nn.Parameter]
    optimiser: Optimizer
    schedule: Schedule
    loss: Callable[[Work], Tensor]
    batches: Callable[[int], Iterator[Work]] = lambda _: iter(())
    steps: int | None = None
    clip: float = 0.0
    hooks: Hooks = NO_HOOKS


def search(
    checkpointer: Checkpointer,
    network: nn.Module,
    weights: Learner[Any],
    architecture: Learner[Any],
    *,
    epochs: int,
    order: Order,
    warm_start: int = 0,
    every: int = 1,
    hold: bool = True,
    monitor: Monitor | None = None,
    observe: Callable[[], dict[str, Any]] = dict,
) -> None:
    """Search for some epochs, from the last checkpoint on.

    The history has the mean loss of the weights' steps as ``loss``, and that of the architecture's
    separate steps as ``architecture_loss``.

    Args:
        checkpointer: keeps the checkpoint and the history.
        network: the supernet, trained in place.
        weights: learn in every step.
        architecture: learns from the epoch ``warm_start`` on.
        epochs: in all, those before the checkpoint included.
        order: who steps first on a batch of the weights, if not both together.
        warm_start: epochs in which the weights learn alone.
        every: number of weight steps per architecture step, which goes with the first of them if
            ``order`` is ``architecture-first``, else with the last.
        hold: whether the other's parameters require no gradients while one learns, which saves
            memory and time. False where passes are recorded as CUDA graphs.
        monitor: scores the network after each epoch.
        observe: returns more entries of the history, once per epoch.

    Raises:
        DivergedError: the loss, a weight or an architecture parameter is not finite.
        KitError: the architecture's batches end before those of the weights do.
    """
    place = every - 1 if order == "weights-first" else 0

    def one_epoch(epoch: int) -> dict[str, Tensor]:
        learns = epoch >= warm_start
        architecture_batches = architecture.batches(epoch) if learns else iter(())
        losses: dict[str, list[Tensor]] = {"loss": [], "architecture_loss": []}
        weights.hooks.before_epoch(epoch)
        architecture.hooks.before_epoch(epoch)

        def step_of_architecture(step: int) -> None:
            batch = next(architecture_batches, None)
            if batch is None:
                raise KitError(f"{checkpointer.name}: no batch for the architecture's step {step}")
            held = weights.parameters if hold else ()
            losses["architecture_loss"].append(_step(architecture, batch, epoch, step, held))

        for step, batch in enumerate(weights.batches(epoch)):
            for each in (weights, architecture):
                set_rate(each.optimiser, each.schedule, epoch, step, each.steps, epochs)
            if order == "together":
                value = _step_together(weights, architecture, learns, batch, epoch, step)
                losses["loss"].append(value)
                continue
            due = learns and step % every == place
            if due and order == "architecture-first":
                step_of_architecture(step)
            held = architecture.parameters if hold else ()
            losses["loss"].append(_step(weights, batch, epoch, step, held))
            if due and order == "weights-first":
                step_of_architecture(step)
        return {name: torch.stack(values).mean() for name, values in losses.items() if values}

    state: dict[str, Stateful] = {
        "network": network,
        "optimiser": weights.optimiser,
        "architecture-optimiser": architecture.optimiser,
    }
    run_epochs(
        checkpointer, network, state, one_epoch, epochs=epochs, monitor=monitor, observe=observe
    )


def endless(rounds: Callable[[int], Iterator[Item]]) -> Iterator[Item]:
    """Yield the items of round 0, then of round 1, and so on, until a round is empty."""
    for number in itertools.count():
        any_item = False
        for item in rounds(number):
            any_item = True
            yield item
        if not any_item:
            return


def _step(
    learner: Learner[Any], batch: Any, epoch: int, step: int, held: Sequence[nn.Parameter]
) -> Tensor:
    """Take one step of a learner on a batch, and return the loss."""
    learner.hooks.before_step(epoch, step)
    with _without_gradients(held):
        learner.optimiser.zero_grad(set_to_none=True)
        value = learner.loss(batch)
        value.backward(inputs=list(learner.parameters))
    distributed.average_gradients(learner.parameters)
    learner.hooks.after_backward()
    if learner.clip:
        nn.utils.clip_grad_norm_(learner.parameters, learner.clip)
    learner.optimiser.step()
    learner.hooks.after_step()
    return value.detach()


def _step_together(
    weights: Learner[Any],
    architecture: Learner[Any],
    learns: bool,
    batch: Any,
    epoch: int,
    step: int,
) -> Tensor:
    """Take one step of the weights, and of the architecture if it ``learns``; return the loss."""
    learners = (weights, architecture) if learns else (weights,)
    for each in learners:
        each.hooks.before_step(epoch, step)
        each.optimiser.zero_grad(set_to_none=True)
    value = weights.loss(batch)
    value.backward()
    if not learns:
        architecture.optimiser.zero_grad(set_to_none=True)
    for each in learners:
        each.hooks.after_backward()
    if weights.clip:
        everything = [*weights.parameters, *architecture.parameters]
        nn.utils.clip_grad_norm_(everything, weights.clip)
    for each in learners:
        each.optimiser.step()
        each.hooks.after_step()
    return value.detach()


@contextmanager
def _without_gradients(parameters: Sequence[nn.Parameter]) -> Iterator[None]:
    """Let parameters that require gradients require none inside the context."""
    held = [each for each in parameters if each.requires_grad]
    for each in held:
        each.requires_grad_(False)
    try:
        yield
    finally:
        for each in held:
            each.requires_grad_(True)
