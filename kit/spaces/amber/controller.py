"""The controller: a recurrent network that writes architectures token by token.

Per layer one step samples the operation and, from the second layer on, another one samples for each
earlier layer whether its output is added. Batches of architectures are sampled and scored at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.spaces.amber.tokens import token_count

FIRST = 0.1
"""All first weights are uniform within ± this."""


@dataclass(frozen=True)
class Decisions:
    """What a controller would have decided at each token of some architectures, given those before.

    Attributes:
        operations: (batch, layers, operations), log-probabilities.
        skips: (batch, layers, layers), the score s of adding layer j to layer l at [:, l, j]; it is
            added with probability sigmoid(2 s), for it competes with -s. Zero unless j < l.
        log_probability: (batch,), of whole architectures.
    """

    operations: Tensor
    skips: Tensor
    log_probability: Tensor

    def rows(self, chosen: Tensor) -> Decisions:
        """Return those of some of the architectures."""
        return Decisions(self.operations[chosen], self.skips[chosen], self.log_probability[chosen])

    def skip_penalty(self, target: float, *, sampled: bool) -> Tensor:
        """Return (batch,), how far skips are from being used at a rate.

        Per skip it is the sum over both its values of p ln(p / target), then the mean over the
        skips of a layer, then over layers.

        Args:
            target: the rate.
            sampled: p is the probability sigmoid(2 s) that is sampled by; the released code takes
                sigmoid(s).
        """
        scores = (2 if sampled else 1) * self.skips
        used, unused = F.logsigmoid(scores), F.logsigmoid(-scores)
        wanted = used.new_tensor([target, 1 - target]).log()
        divergence = used.exp() * (used - wanted[0]) + unused.exp() * (unused - wanted[1])
        layers = scores.shape[1]
        counts = torch.arange(1, layers, device=scores.device)
        return (divergence.tril(-1).sum(2)[:, 1:] / counts).mean(1)

    def divergence(self, other: Decisions) -> Tensor:
        """Return (batch,), the mean over tokens of the Kullback-Leibler divergence of others.

        It is the sum of p ln(p / q) over the values of a token, p the ``other``'s probability.
        """
        operations = (other.operations.exp() * (other.operations - self.operations)).sum(2)
        total = operations.sum(1)
        for sign in (1, -1):
            before = F.logsigmoid(2 * sign * other.skips)
            now = F.logsigmoid(2 * sign * self.skips)
            total = total + (before.exp() * (before - now)).tril(-1).sum((1, 2))
        return total / token_count(operations.shape[1])


class Controller(nn.Module):
    """An LSTM over the tokens, with attention over earlier layers for their skips.

    Args:
        layers: that an architecture has.
        operations: that a layer can be.
        units: of the LSTM.
        temperature: that scores are divided by.
        bound: scores are within ± this, by a tanh.
    """

    def __init__(
        self,
        layers: int,
        operations: int,
        *,
        units: int = 64,
        temperature: float = 2.0,
        bound: float = 1.5,
    ) -> None:
        super().__init__()
        self.layers, self.units = layers, units
        self.temperature, self.bound = temperature, bound

        def weights(*shape: int) -> nn.Parameter:
            return nn.Parameter(torch.empty(shape).uniform_(-FIRST, FIRST))

        self.lstm = weights(2 * units, 4 * units)
        self.first_input = weights(1, units)
        self.embedding = weights(operations, units)
        self.softmax = weights(units, operations)
        self.key = weights(units, units)
        self.query = weights(units, units)
        self.value = weights(units, 1)

    @torch.no_grad()
    def sample(self, count: int, generator: torch.Generator) -> Tensor:
        """Return the tokens (count, tokens) of new architectures."""
        tokens: list[Tensor] = []

        def operation(h: Tensor, _: int) -> Tensor:
            chances = self._squash(h @ self.softmax).softmax(1)
            tokens.append(torch.multinomial(chances, 1, generator=generator))
            return tokens[-1][:, 0]

        def skips(anchors: Tensor, h: Tensor, _: int) -> Tensor:
            chances = torch.sigmoid(2 * self._attend(anchors @ self.key, (h @ self.query)[:, None]))
            drawn = torch.rand(chances.shape, generator=generator) < chances
            tokens.append(drawn.long())
            return drawn

        self._run(count, operation, skips)
        return torch.cat(tokens, 1)

    def decisions(self, tokens: Tensor) -> Decisions:
        """Return what the controller would have decided for architectures, (batch, tokens).

        Their tokens are known, so that all scores are computed at once after the recurrent steps.
        """
        states: list[Tensor] = []
        queries: list[Tensor] = []
        starts = [token_count(number) for number in range(self.layers)]
        bits = [tokens[:, s + 1 : s + 1 + n] for n, s in enumerate(starts)]

        def operation(h: Tensor, layer: int) -> Tensor:
            states.append(h)
            return tokens[:, starts[layer]]

        def skips(_: Tensor, h: Tensor, layer: int) -> Tensor:
            queries.append(h)
            return bits[layer]

        anchors = self._run(len(tokens), operation, skips)
        scores = self._squash(torch.stack(states, 1) @ self.softmax).log_softmax(2)
        found = scores.gather(2, tokens[:, starts, None]).sum((1, 2))
        asked = F.pad(torch.stack(queries, 1) if queries else anchors[:, :0], (0, 0, 1, 0))
        skip_scores = self._attend((anchors @ self.key)[:, None], (asked @ self.query)[:, :, None])
        skip_scores = skip_scores.tril(-1)
        padded = [F.pad(each, (0, self.layers - n)) for n, each in enumerate(bits)]
        signs = 2 * torch.stack(padded, 1).to(skip_scores.dtype) - 1
        found = found + F.logsigmoid(2 * signs * skip_scores).tril(-1).sum((1, 2))
        return Decisions(scores, skip_scores, found)

    def _run(
        self,
        count: int,
        operation: Callable[[Tensor, int], Tensor],
        skips: Callable[[Tensor, Tensor, int], Tensor],
    ) -> Tensor:
        """Take the recurrent steps of some architectures, and return their anchors.

        Args:
            count: of architectures.
            operation: takes (h, layer) and returns the operations (count,) of a layer.
            skips: takes (anchors, h, layer) and returns whether earlier layers are added, as
                (count, layer) numbers or truths.

        Returns:
            (count, layers, units), of each layer the state after its last step.
        """
        h = c = self.lstm.new_zeros(count, self.units)
        x = self.first_input.expand(count, -1)
        anchors: list[Tensor] = []
        for layer in range(self.layers):
            h, c = self._step(x, h, c)
            x = self.embedding[operation(h, layer)]
            if layer:
                h, c = self._step(x, h, c)
                earlier = torch.stack(anchors, 1)
                used = skips(earlier, h, layer).to(h.dtype)
                x = (used[:, None] @ earlier)[:, 0] / (1 + used.sum(1, keepdim=True))
            anchors.append(h)
        return torch.stack(anchors, 1)

    def _step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        gates, update = (torch.cat([x, h], 1) @ self.lstm).split([3 * self.units, self.units], 1)
        enter, keep, leave = gates.sigmoid().chunk(3, 1)
        c = enter * update.tanh() + keep * c
        return leave * c.tanh(), c

    def _attend(self, keys: Tensor, queries: Tensor) -> Tensor:
        """Return the scores of earlier layers; both broadcast, (..., units) -> (...)."""
        return self._squash(((keys + queries).tanh() @ self.value)[..., 0])

    def _squash(self, scores: Tensor) -> Tensor:
        return self.bound * (scores / self.temperature).tanh()
