"""The loop of one-shot searches: a network's weights and its architecture learn side by side.

Each takes steps of its own, on batches of its own, or both follow one backward pass. What a step
of either is like (sampled paths, a cost, a simplex) is up to its loss, its optimiser and its hooks.
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

# ``together``: both follow the loss of the weights on the batch of the weights.
Order = Literal["together", "weights-first", "architecture-first"]
Item = TypeVar("Item")


@dataclass(frozen=True, eq=False)
class Learner(Generic[Work]):
    """What learns: the weights, or the parameters of the architecture.

    Attributes:
        parameters: those that its steps change, and no other.
        optimiser: of these alone, with ``initial_lr`` in each group.
        schedule: how its rate follows from ``initial_lr``.
        loss: runs the network on a batch. The loop averages the gradients of several processes, but
            for steps taken together, whose backward pass does.
        batches: those of an epoch, by its number. The weights' decide how many steps it has; the
            architecture's are drawn when a step needs them and must not end before (``endless``).
        steps: of one epoch, for schedules that change the rate within epochs.
        clip: norm to which its gradients together are clipped, 0 for none; for steps taken together
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
    own steps as ``architecture_loss``.

    Args:
        checkpointer: keeps the checkpoint and the history.
        network: the supernet, trained in place.
        weights: learn in every step.
        architecture: learns from the epoch ``warm_start`` on.
        epochs: in all, those before the checkpoint included.
        order: who steps first on a batch of the weights, if not both together.
        warm_start: epochs in which the weights learn alone.
        every: weight steps to one architecture step, which comes with the first of them where it
            comes first, else with the last.
        hold: while one learns, the other's parameters take no gradients, which saves memory and
            time. Not where passes are recorded as CUDA graphs.
        monitor: scores the network after each epoch.
        observe: values for the history, once per epoch.

    Raises:
        DivergedError: the loss, a weight or an architecture parameter is not finite.
        KitError: the architecture's batches end before those of the weights do.
    """
    place = every - 1 if order == "weights-first" else 0

    def one_epoch(epoch: int) -> dict[str, Tensor]:
        learns = epoch >= warm_start
        own = architecture.batches(epoch) if learns else iter(())
        losses: dict[str, list[Tensor]] = {"loss": [], "architecture_loss": []}
        weights.hooks.before_epoch(epoch)
        architecture.hooks.before_epoch(epoch)

        def step_of_architecture(step: int) -> None:
            batch = next(own, None)
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
    """Yield what round 0 has, then round 1, and so on; ends with a round that has nothing."""
    for number in itertools.count():
        some = False
        for item in rounds(number):
            some = True
            yield item
        if not some:
            return


def _step(
    learner: Learner[Any], batch: Any, epoch: int, step: int, held: Sequence[nn.Parameter]
) -> Tensor:
    """Let one of the two learn from a batch, and return its loss."""
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
    """Let the weights, and the architecture if it ``learns``, follow the loss of the weights."""
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
    held = [each for each in parameters if each.requires_grad]
    for each in held:
        each.requires_grad_(False)
    try:
        yield
    finally:
        for each in held:
            each.requires_grad_(True)
