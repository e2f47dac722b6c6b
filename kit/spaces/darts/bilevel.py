"""The steps of GAEA PC-DARTS: weights and architecture parameters take them in turn."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from kit.search import ExponentiatedGradient, keeping
from kit.spaces.darts.supernet import DartsSupernet


class BilevelSearch:
    """A supernet with the two optimisers that train it in turn.

    Args:
        network: the supernet.
        loss: called with (the network's output, y).
        rate: initial learning rate of the weights.
        mixtures_rate: learning rate of the architecture parameters.
        clip: largest norm of the weights' gradients; 0 for no clipping.
    """

    def __init__(
        self,
        network: DartsSupernet,
        loss: keeping.Loss,
        rate: float,
        mixtures_rate: float,
        clip: float,
    ) -> None:
        self.network, self.loss, self.rate, self.clip = network, loss, rate, clip
        self.weights = network.weights()
        self.mixtures = list(network.mixtures.parameters())
        self.sgd = torch.optim.SGD(self.weights, rate, momentum=0.9, weight_decay=3e-4)
        groups = [
            {"params": list(network.mixtures.alphas.values())},
            {
                "params": list(network.mixtures.betas.values()),
                "parts": list(network.mixtures.parts),
            },
        ]
        self.exponentiated = ExponentiatedGradient(groups, mixtures_rate, 1e-5)
        self.parts: dict[str, keeping.Kept] = {
            "network": network,
            "optimiser": self.sgd,
            "architecture-optimiser": self.exponentiated,
        }

    def set_rate(self, done: float) -> None:
        """Set the weights' learning rate, given the share of the epochs that is done."""
        cosine = float(torch.tensor(torch.pi * done).cos())
        for group in self.sgd.param_groups:
            group["lr"] = self.rate * (1 + cosine) / 2

    def epoch(
        self,
        data: keeping.Batches,
        held_out: keeping.Batches,
        device: torch.device | str,
        *,
        learns: bool,
    ) -> list[Tensor]:
        """Train for an epoch; return the training loss of each batch.

        Args:
            data: batches for the weights.
            held_out: batches for the architecture parameters.
            device: device of the network.
            learns: whether the architecture parameters are trained, too.
        """
        self.network.train()
        held_out_batches, losses = _endless(held_out), []
        for x, y in data:
            losses.append(self._gradients(self.weights, x.to(device), y.to(device)))
            if self.clip:
                nn.utils.clip_grad_norm_(self.weights, self.clip)
            self.sgd.step()
            if learns:
                x, y = next(held_out_batches)
                self._gradients(self.mixtures, x.to(device), y.to(device))
                self.exponentiated.step()
        return losses

    def _gradients(self, parameters: list[nn.Parameter], x: Tensor, y: Tensor) -> Tensor:
        """Compute the gradients of only these parameters on a batch; return the loss."""
        chosen = {id(each) for each in parameters}
        for each in self.network.parameters():
            each.requires_grad_(id(each) in chosen)
            each.grad = None
        return keeping.descend(self.loss(self.network(x), y))


def _endless(data: keeping.Batches) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches and repeat them for ever; raise ValueError if there are none."""
    while True:
        empty = True
        for pair in data:
            empty = False
            yield pair
        if empty:
            raise ValueError("the data are empty, or can be gone through only once")
