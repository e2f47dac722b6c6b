"""The straightforward form of AMBER's policy loss: one episode after the other, token by token."""

from __future__ import annotations

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor

from kit.spaces.amber import Controller


def policy_loss(
    controller: Controller, episodes: Sequence[Sequence[int]], advantages: Sequence[float]
) -> Tensor:
    """Return the loss of some children: mean skip penalty, less sum of log p times advantage.

    The penalty is of the probability that is sampled, with the target 0.4.
    """
    total = torch.zeros(())
    for tokens, advantage in zip(episodes, advantages, strict=True):
        log_probability, penalty = episode(controller, tokens)
        total = total + penalty / len(episodes) - log_probability * advantage
    return total


def episode(controller: Controller, tokens: Sequence[int]) -> tuple[Tensor, Tensor]:
    """Return the log-probability of one architecture, and its skip penalty."""
    units = controller.units
    x: Tensor = controller.first_input
    h, c = torch.zeros(1, units), torch.zeros(1, units)
    anchors: list[Tensor] = []
    log_probability, penalties = torch.zeros(()), []
    rest = iter(tokens)
    for layer in range(controller.layers):
        h, c = _lstm(controller, x, h, c)
        operation = next(rest)
        scores = _squash(controller, h @ controller.softmax)
        log_probability = log_probability + scores.log_softmax(1)[0, operation]
        x = controller.embedding[operation : operation + 1]
        if layer:
            h, c = _lstm(controller, x, h, c)
            added, count, penalty = torch.zeros(1, units), 0, torch.zeros(())
            for anchor in anchors:
                state = (anchor @ controller.key + h @ controller.query).tanh()
                score = (state @ controller.value)[0, 0]
                both = _squash(controller, torch.stack([-score, score])).log_softmax(0)
                bit = next(rest)
                log_probability = log_probability + both[bit]
                target = torch.tensor([0.6, 0.4])
                penalty = penalty + F.kl_div(target.log(), both, reduction="sum", log_target=True)
                if bit:
                    added, count = added + anchor, count + 1
            x = added / (1 + count)
            penalties.append(penalty / layer)
        anchors.append(h)
    return log_probability, torch.stack(penalties).mean() if penalties else torch.zeros(())


def _lstm(controller: Controller, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
    i, f, o, g = (torch.cat([x, h], 1) @ controller.lstm).chunk(4, 1)
    c = i.sigmoid() * g.tanh() + f.sigmoid() * c
    return o.sigmoid() * c.tanh(), c


def _squash(controller: Controller, scores: Tensor) -> Tensor:
    return controller.bound * (scores / controller.temperature).tanh()
