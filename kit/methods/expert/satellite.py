"""Satellite: ROCKET's features, standardised, and a linear softmax (Dempster et al., 2020, 4.3)."""

from __future__ import annotations

import copy
from collections.abc import Callable, Sequence
from functools import cache
from typing import Any

import torch
import torch.nn.functional as F
from msgspec import structs
from torch import Tensor, nn

from kit.base.context import Context
from kit.base.fit import fit as fit_network
from kit.base.fit import validation_fold
from kit.data.folds import Fold
from kit.data.loading import Batch
from kit.methods.expert.info import ExpertSettings
from kit.methods.expert.layers.rocket import Rocket
from kit.training.checkpointer import Checkpointer
from kit.training.monitor import Monitor
from kit.training.optimisers import eager, make_optimiser
from kit.trials.best import best_of

# Number of series at the start of the fold that standardise features and choose the rate.
FIRST = 2048
# Steps from one score to the next.
STEPS = 10


class RocketClassifier(nn.Module):
    """A linear layer on ROCKET's standardised features; only this layer is trained."""

    shift: Tensor
    scale: Tensor

    def __init__(self, length: int, outputs: int, kernels: int) -> None:
        super().__init__()
        self.rocket = Rocket(length, kernels)
        self.register_buffer("shift", torch.zeros(2 * kernels))
        self.register_buffer("scale", torch.ones(2 * kernels))
        self.head = nn.Linear(2 * kernels, outputs)
        nn.init.zeros_(self.head.weight)
        nn.init.zeros_(self.head.bias)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, 1, length) -> (batch, outputs)."""
        return self.head(self.features(x))

    def features(self, x: Tensor) -> Tensor:
        """(batch, 1, length) -> (batch, 2 kernels), standardised."""
        return (self.rocket(x) - self.shift) / self.scale

    def standardise(self, x: Tensor) -> None:
        """Set the mean and the standard deviation of each feature to those of some series."""
        features = self.rocket(x)
        self.shift.copy_(features.mean(0))
        deviation = features.std(0, correction=0)
        # A constant feature is only shifted, and so becomes zero.
        self.scale.copy_(torch.where(deviation > 1e-6, deviation, 1.0))


class StepMonitor(Monitor):
    """Scores after every ``STEPS`` steps; training may end at any of them, but not in epoch 0."""

    steps = 0
    last: float | None = None
    decided = False

    @property
    def ended(self) -> bool:
        """Whether the score has not improved for too long; asked for between epochs."""
        return self.decided

    def after_step(self, epoch: int) -> bool:
        """Count a step, score the network after every ``STEPS``; return whether to end here."""
        self.steps += 1
        if self.steps % STEPS == 0:
            self.last = super().after_epoch()["validation"]
            self.decided |= super().ended
        return epoch > 0 and self.decided

    def after_epoch(self) -> dict[str, float]:
        """Return the entries of the history: the last score, if there is one yet."""
        return {} if self.last is None else {"validation": self.last}

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed training needs."""
        return super().state_dict() | {
            "steps": self.steps,
            "last": self.last,
            "decided": self.decided,
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what ``state_dict`` returned."""
        super().load_state_dict(state)
        self.steps, self.last, self.decided = state["steps"], state["last"], state["decided"]


def build(input_shape: Sequence[int], outputs: int, *, kernels: int = 10_000) -> RocketClassifier:
    """Return the classifier for (1, length) series."""
    return RocketClassifier(input_shape[1], outputs, kernels)


def fit(
    context: Context,
    checkpointer: Checkpointer,
    network: RocketClassifier,
    settings: ExpertSettings,
) -> None:
    """Train the head until its score stalls, at the best of six rates up to the settings' rate."""
    fold = context.fold("final_fit")
    first = fold.first(FIRST)
    network.standardise(first.x)
    shuffled = fold.shuffled(settings.batch_size, context.spec.seed, *checkpointer.stream, 0)
    rate = best_rate(network, first, next(shuffled), settings.optimiser.learning_rate)
    adam = structs.replace(settings.optimiser, learning_rate=rate)
    optimiser = make_optimiser([{"params": list(network.head.parameters())}], adam)
    held_out = validation_fold(context, settings, fold)
    monitor: StepMonitor | None = None
    if held_out is not None:
        score = held_out_loss(held_out, network)
        monitor = StepMonitor(network, optimiser, settings.schedule, settings.validation, score)
    fit_network(
        context,
        checkpointer,
        network,
        fold,
        settings,
        optimiser=optimiser,
        monitor=monitor,
    )


def best_rate(network: RocketClassifier, first: Batch, batch: Batch, largest: float) -> float:
    """Return the rate, of six, a factor of ten apart, whose first step lowers the loss most."""
    of_first, of_batch = network.features(first.x), network.features(batch.x)
    rates, losses = [largest * 10.0**-power for power in range(6)], []
    for rate in rates:
        head = copy.deepcopy(network.head)
        adam = eager(torch.optim.Adam)(head.parameters(), lr=rate)
        F.cross_entropy(head(of_batch), batch.y).backward()
        adam.step()
        with torch.no_grad():
            losses.append(float(F.cross_entropy(head(of_first), first.y)))
    return rates[best_of(losses)]


def held_out_loss(fold: Fold, network: RocketClassifier) -> Callable[[], float]:
    """Return a function that scores the head; the features it needs are computed once."""

    @cache
    def held_out() -> tuple[Tensor, Tensor]:
        batches = list(fold.batches(FIRST))
        features = torch.cat([network.features(batch.x) for batch in batches])
        return features, torch.cat([batch.y for batch in batches])

    @torch.no_grad()
    def loss() -> float:
        features, labels = held_out()
        return float(F.cross_entropy(network.head(features), labels))

    return loss
