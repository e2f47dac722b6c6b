"""One step of DASH's search: which gradients the weights and the alphas follow."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch
from msgspec.structs import replace
from torch import Tensor, nn
from torch.optim import Optimizer

from kit.data.folds import Fold
from kit.data.loading import Batch
from kit.errors import KitError
from kit.methods.dash.info import Search
from kit.search import AlphaGradients, ExponentiatedGradient, mixtures
from kit.training import distributed
from kit.training.loop import make_optimiser

# A batch for the weights, and in a bilevel search one for the alphas.
Pair = tuple[Batch, Batch | None]


class Updates:
    """The optimisers of a supernet, and what happens around their steps.

    Args:
        network: the supernet.
        options: how to search.
        loss: of the network on a batch.
    """

    def __init__(
        self, network: nn.Module, options: Search, loss: Callable[[Batch], Tensor]
    ) -> None:
        if options.level == "bilevel" and distributed.world() > 1:
            raise KitError("a bilevel search is for one process; start it without torchrun")
        layers = mixtures(network)
        self.options, self._loss = options, loss
        self.alphas = [layer.alpha for layer in layers.values()]
        ids = {id(alpha) for alpha in self.alphas}
        self.weights = [weight for weight in network.parameters() if id(weight) not in ids]
        self.of_weights = make_optimiser([{"params": self.weights}], options.optimiser)
        self.of_alphas: Optimizer
        if options.alpha_update == "exponentiated-gradient":
            self.of_alphas = ExponentiatedGradient(self.alphas, options.alpha_learning_rate)
        else:
            settings = replace(options.optimiser, learning_rate=options.alpha_learning_rate)
            self.of_alphas = make_optimiser([{"params": self.alphas}], settings)
        self._gradients = AlphaGradients(
            layers.values(),
            scale=options.gradient_scale,
            penalty=options.penalty,
            field=options.field,
        )
        self._alphas_learn = True

    def begin_epoch(self, epoch: int) -> None:
        """Hold the alphas during a warm start."""
        self._alphas_learn = epoch >= self.options.warm_start

    def loss(self, pair: Pair) -> Tensor:
        """Return the loss that the weights follow; in a bilevel search the alphas step before."""
        batch, other = pair
        if other is not None and self._alphas_learn:
            value = self._loss(other)
            for alpha, gradient in zip(
                self.alphas, torch.autograd.grad(value, self.alphas), strict=True
            ):
                alpha.grad = gradient
            self._gradients.shape()
            self._clip(self.alphas)
            self.of_alphas.step()
        return self._loss(batch)

    def after_backward(self) -> None:
        """Shape and clip the gradients, or drop those that the alphas are not to follow."""
        if self.options.level == "bilevel" or not self._alphas_learn:
            for alpha in self.alphas:
                alpha.grad = None
        else:
            self._gradients.shape()
        self._clip([*self.weights, *self.alphas])

    def observe(self) -> dict[str, Any]:
        """Return the alphas as logits and the mean entropy of the mixtures, for the history."""
        stacked = torch.stack([alpha.detach() for alpha in self.alphas])
        if self.options.alpha_update == "exponentiated-gradient":
            stacked = stacked.log()
        logs = stacked.log_softmax(dim=1)
        entropy = -(logs.exp() * logs).sum(dim=1).mean()
        rows = stacked.cpu().tolist()
        return {
            "entropy": round(float(entropy), 6),
            "alpha": [[round(value, 6) for value in row] for row in rows],
        }

    def _clip(self, parameters: list[nn.Parameter]) -> None:
        if self.options.clip:
            nn.utils.clip_grad_norm_(parameters, self.options.clip)


def alone(batches: Iterator[Batch]) -> Iterator[Pair]:
    """Yield batches for weights and alphas together."""
    return ((batch, None) for batch in batches)


def paired(batches: Iterator[Batch], others: Callable[[int], Iterator[Batch]]) -> Iterator[Pair]:
    """Yield each batch with one of the other fold, which begins anew, shuffled, when it ends."""
    round_, source = 0, others(0)
    for batch in batches:
        other = next(source, None)
        if other is None:
            round_ += 1
            source = others(round_)
            other = next(source)
        yield batch, other


def check_apart(fold: Fold, other: Fold) -> None:
    """Check that the folds of a bilevel search share no sample.

    Raises:
        KitError: they do.
    """
    shared = torch.isin(fold.addresses[:, 0], other.addresses[:, 0]).any()
    if bool(shared):
        raise KitError(
            "a bilevel search needs data that it does not train on, but 'search' holds samples of "
            """'search_val'; use --protocol clean, or -o 'data.roles.search=["train"]'"""
        )
