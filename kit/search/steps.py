"""The steps of DASH's search from Python: weights and alphas learn from the same gradients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from kit.search import keeping
from kit.search.gradients import AlphaGradients
from kit.search.supernets import mixtures


class MixtureSearch:
    """A supernet with the optimiser that trains its weights and its mixtures together.

    Args:
        network: the supernet.
        loss: called with (the network's output, y).
        gradients: shapes those of the alphas.
        rate: initial learning rate of the weights.
        alpha_rate: that of the alphas.
        clip: largest norm of all gradients together; 0 for no clipping.
    """

    def __init__(
        self,
        network: nn.Module,
        loss: keeping.Loss,
        gradients: AlphaGradients,
        rate: float,
        alpha_rate: float,
        clip: float,
    ) -> None:
        self.network, self.loss, self.gradients, self.clip = network, loss, gradients, clip
        alphas = [layer.alpha for layer in mixtures(network).values()]
        self.optimiser = _optimiser(network, alphas, rate, alpha_rate)
        self.parts: dict[str, keeping.Kept] = {"network": network, "optimiser": self.optimiser}

    def set_rate(self, epoch: int, epochs: int) -> None:
        """Set the learning rates of an epoch: a fifth of the initial ones from 60 % on."""
        for group in self.optimiser.param_groups:
            group["lr"] = group["initial_lr"] * (0.2 if epoch >= 0.6 * epochs else 1.0)

    def epoch(self, data: keeping.Batches, device: torch.device) -> list[Tensor]:
        """Train for an epoch; return the training loss of each batch."""
        _train_mode(self.network)
        return [self._step(x.to(device), y.to(device)) for x, y in data]

    def _step(self, x: Tensor, y: Tensor) -> Tensor:
        """Take one step on a batch; return its loss without its graph."""
        value = self.loss(self.network(x), y)
        self.optimiser.zero_grad(set_to_none=True)
        loss = keeping.descend(value)
        self.gradients.shape()
        if self.clip:
            nn.utils.clip_grad_norm_(self.network.parameters(), self.clip)
        self.optimiser.step()
        return loss


def _optimiser(
    network: nn.Module, alphas: Sequence[Tensor], rate: float, alpha_rate: float
) -> torch.optim.Optimizer:
    """Return SGD with two groups: the alphas, and the weights that are trained."""
    ids = {id(alpha) for alpha in alphas}
    trainable = [weight for weight in network.parameters() if weight.requires_grad]
    weights = [weight for weight in trainable if id(weight) not in ids]
    groups: list[dict[str, Any]] = [
        {"params": list(alphas), "lr": alpha_rate, "initial_lr": alpha_rate}
    ]
    groups.append({"params": weights, "lr": rate, "initial_lr": rate})
    return torch.optim.SGD(groups, momentum=0.9, weight_decay=5e-4, nesterov=True)


def _train_mode(network: nn.Module) -> None:
    """Put a network in training mode, except modules whose parameters are all frozen.

    A module with a frozen parameter of its own, such as position encodings, is put in training mode
    if any of its submodules is trained.
    """
    network.train()
    for module in network.modules():
        holds_parameters = next(module.parameters(recurse=False), None) is not None
        if holds_parameters and not any(weight.requires_grad for weight in module.parameters()):
            module.train(False)
