"""The controller: a recurrent network that samples architectures token by token.

For each layer, one recurrent step samples the operation and, from the second layer on, another step
samples for each earlier layer whether its output is added. Several architectures are sampled or
scored at once.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.search import arguments
from kit.spaces.amber.tokens import token_count

FIRST = 0.1
"""All initial weights are uniform within ± this number."""


@dataclass(frozen=True)
class Decisions:
    """A controller's distributions at each token of some architectures, given the tokens before it.

    Attributes:
        operations: (batch, layers, operations), log-probabilities.
        skips: (batch, layers, layers): at [:, l, j] the score s of adding the output of layer j to
            layer l; the probability of adding it is sigmoid(2 s), the softmax of s and -s. Zero
            unless j < l.
        log_probability: (batch,), log-probabilities of the whole architectures.
    """

    operations: Tensor
    skips: Tensor
    log_probability: Tensor

    def rows(self, chosen: Tensor) -> Decisions:
        """Return the decisions for some of the architectures, given by their indices or a mask."""
        return Decisions(self.operations[chosen], self.skips[chosen], self.log_probability[chosen])

    def skip_penalty(self, target: float, *, sampled: bool) -> Tensor:
        """Return the Kullback-Leibler divergence of skips from a rate, in nats.

        The divergence of one skip is the sum over both values of p ln(p / q), where q is ``target``
        for the value 1. The result is its mean over the skips of a layer, then over layers.

        Args:
            target: the wanted rate of skips.
            sampled: whether p is the probability with which skips are sampled, sigmoid(2 s); the
                released code uses sigmoid(s).

        Returns:
            (batch,).
        """
        scores = (2 if sampled else 1) * self.skips
        used, unused = F.logsigmoid(scores), F.logsigmoid(-scores)
        wanted = used.new_tensor([target, 1 - target]).log()
        divergence = used.exp() * (used - wanted[0]) + unused.exp() * (unused - wanted[1])
        layers = scores.shape[1]
        counts = torch.arange(1, layers, device=scores.device)
        return (divergence.tril(-1).sum(2)[:, 1:] / counts).mean(1)

    def divergence(self, other: Decisions) -> Tensor:
        """Return the Kullback-Leibler divergence of other decisions from these, in nats.

        The divergence of a token is the sum over its values of p ln(p / q), where p is the
        probability in ``other`` and q that in these decisions. The result (batch,) is its mean over
        tokens.

        Args:
            other: decisions for the same architectures.
        """
        operations = (other.operations.exp() * (other.operations - self.operations)).sum(2)
        total = operations.sum(1)
        for sign in (1, -1):
            log_p = F.logsigmoid(2 * sign * other.skips)
            log_q = F.logsigmoid(2 * sign * self.skips)
            total = total + (log_p.exp() * (log_p - log_q)).tril(-1).sum((1, 2))
        return total / token_count(operations.shape[1])


class Controller(nn.Module):
    """An LSTM over the tokens, with attention over earlier layers for their skips.

    Args:
        layers: number of layers of an architecture.
        operations: number of operations that a layer can have.
        units: number of units of the LSTM.
        temperature: divides the scores before the tanh.
        bound: multiplies the tanh of the scores, which are then within ± this number.
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
        arguments.check_whole(layers=layers, operations=operations, units=units)
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
        """Return the tokens (count, tokens) of random architectures.

        Args:
            count: number of architectures.
            generator: draws them.
        """
        tokens: list[Tensor] = []

        def operation(h: Tensor, _: int) -> Tensor:
            probabilities = self._squash(h @ self.softmax).softmax(1)
            tokens.append(torch.multinomial(probabilities, 1, generator=generator))
            return tokens[-1][:, 0]

        def skips(anchors: Tensor, h: Tensor, _: int) -> Tensor:
            scores = self._attend(anchors @ self.key, (h @ self.query)[:, None])
            probabilities = torch.sigmoid(2 * scores)
            drawn = torch.rand(probabilities.shape, generator=generator) < probabilities
            tokens.append(drawn.long())
            return drawn

        self._run(count, operation, skips)
        return torch.cat(tokens, 1)

    def decisions(self, tokens: Tensor) -> Decisions:
        """Return the controller's decisions for given architectures.

        Since all tokens are known, all scores are computed at once after the recurrent steps.

        Args:
            tokens: (batch, tokens).
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
        total = scores.gather(2, tokens[:, starts, None]).sum((1, 2))
        padded_queries = F.pad(torch.stack(queries, 1) if queries else anchors[:, :0], (0, 0, 1, 0))
        skip_scores = self._attend(
            (anchors @ self.key)[:, None], (padded_queries @ self.query)[:, :, None]
        )
        skip_scores = skip_scores.tril(-1)
        padded = [F.pad(each, (0, self.layers - n)) for n, each in enumerate(bits)]
        signs = 2 * torch.stack(padded, 1).to(skip_scores.dtype) - 1
        total = total + F.logsigmoid(2 * signs * skip_scores).tril(-1).sum((1, 2))
        return Decisions(scores, skip_scores, total)

    def _run(
        self,
        count: int,
        operation: Callable[[Tensor, int], Tensor],
        skips: Callable[[Tensor, Tensor, int], Tensor],
    ) -> Tensor:
        """Take the recurrent steps of some architectures, and return their anchors.

        The anchor of a layer is the hidden state h after its last step.

        Args:
            count: number of architectures.
            operation: called with (h, layer); returns the operations (count,) of the layer.
            skips: called with (anchors of earlier layers, h, layer); returns (count, layer): 1 or
                true for each earlier layer whose output is added.

        Returns:
            (count, layers, units).
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
                added = skips(earlier, h, layer).to(h.dtype)
                x = (added[:, None] @ earlier)[:, 0] / (1 + added.sum(1, keepdim=True))
            anchors.append(h)
        return torch.stack(anchors, 1)

    def _step(self, x: Tensor, h: Tensor, c: Tensor) -> tuple[Tensor, Tensor]:
        """Return the next hidden state h and cell state c of the LSTM for an input x."""
        gates, update = (torch.cat([x, h], 1) @ self.lstm).split([3 * self.units, self.units], 1)
        enter, keep, leave = gates.sigmoid().chunk(3, 1)
        c = enter * update.tanh() + keep * c
        return leave * c.tanh(), c

    def _attend(self, keys: Tensor, queries: Tensor) -> Tensor:
        """Return the scores of skips; keys and queries broadcast: (..., units) -> (...)."""
        return self._squash(((keys + queries).tanh() @ self.value)[..., 0])

    def _squash(self, scores: Tensor) -> Tensor:
        """Return scores divided by the temperature and bounded by a tanh."""
        return self.bound * (scores / self.temperature).tanh()
