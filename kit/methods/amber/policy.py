"""How the controller learns from the rewards of an episode: REINFORCE with a baseline."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from kit.methods.amber.info import AmberController
from kit.spaces.amber import OPERATIONS, Controller, Decisions
from kit.training.optimisers import eager

EPSILON = 1e-7
"""Epsilon of Keras's Adam."""


def build(options: AmberController, layers: int) -> tuple[Controller, torch.optim.Adam]:
    """Return a controller with its initial weights, and its optimiser."""
    controller = Controller(
        layers,
        len(OPERATIONS),
        units=options.units,
        temperature=options.temperature,
        bound=options.bound,
    )
    return controller, eager(torch.optim.Adam)(controller.parameters(), options.learning_rate)


def learn(
    controller: Controller,
    adam: torch.optim.Adam,
    options: AmberController,
    tokens: Tensor,
    rewards: Tensor,
    baseline: float,
    generator: torch.Generator,
) -> dict[str, float]:
    """Update a controller by the children of an episode, in several shuffled passes.

    The loss of a batch is the sum of -log p times the advantage over its children, plus the mean
    penalty of their skips. There is no ratio of probabilities, no entropy and no clipping.

    Args:
        controller: learns in place.
        adam: of its weights.
        options: how it learns.
        tokens: (children, tokens).
        rewards: (children,).
        baseline: subtracted from the rewards.
        generator: draws the order of the children.

    Returns:
        Entries of the history: the mean loss, the mean divergence from the probabilities before all
        updates, and the number of updates.
    """
    advantages = (rewards - baseline).clamp(-options.clip, options.clip)
    with torch.no_grad():
        before = controller.decisions(tokens)
    losses, divergences = [], []
    for number in range(options.passes):
        of_pass: list[float] = []
        for part in torch.randperm(len(tokens), generator=generator).split(options.batch_size):
            decisions = controller.decisions(tokens[part])
            loss = policy_loss(decisions, advantages[part].to(decisions.log_probability), options)
            of_pass.append(decisions.divergence(before.rows(part)).mean().item())
            if 0 < options.divergence < sum(of_pass) / len(of_pass) and number:
                break
            adam.zero_grad(set_to_none=True)
            loss.backward()
            step(adam)
            losses.append(loss.item())
        divergences += of_pass
    updates = len(losses)
    return {
        "policy_loss": sum(losses) / updates,
        "divergence": sum(divergences) / len(divergences),
        "updates": updates,
    }


def policy_loss(decisions: Decisions, advantages: Tensor, options: AmberController) -> Tensor:
    """Return the loss of a batch of children."""
    sampled = options.penalised == "sampled"
    penalty = decisions.skip_penalty(options.skip_target, sampled=sampled).mean()
    return options.skip_weight * penalty - (decisions.log_probability * advantages).sum()


def step(adam: torch.optim.Adam) -> None:
    """Take a step of Adam as in Keras, which adds epsilon before the bias correction."""
    taken = max((float(state["step"]) for state in adam.state.values()), default=0.0)
    for group in adam.param_groups:
        group["eps"] = EPSILON / math.sqrt(1 - group["betas"][1] ** (taken + 1))
    adam.step()
