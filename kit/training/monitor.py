"""What follows from a score taken after each epoch: lower rates, an early end, the best weights."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import torch
from torch import nn
from torch.optim.lr_scheduler import ReduceLROnPlateau

from kit.settings import Schedule, Validation
from kit.training import distributed


class Monitor:
    """Scores a network after each epoch; the lower the better.

    Args:
        network: gets its best weights back at the end, where ``validation.keep`` is ``best``.
        optimiser: whose rate a ``plateau`` schedule cuts.
        schedule: of kind ``plateau`` where scores cut the rate.
        validation: what is to follow from the scores.
        score: evaluates the network as it is; lower is better.
    """

    def __init__(
        self,
        network: nn.Module,
        optimiser: torch.optim.Optimizer,
        schedule: Schedule,
        validation: Validation,
        score: Callable[[], float],
    ) -> None:
        self.network, self.validation, self.score = network, validation, score
        self.best, self.waited = math.inf, 0
        self.weights: dict[str, torch.Tensor] = {}
        self.optimiser, self.schedule = optimiser, schedule
        self.plateau: ReduceLROnPlateau | None = None
        self.restart()

    def restart(self) -> None:
        """Let a ``plateau`` schedule forget the scores so far."""
        if self.schedule.kind == "plateau":
            self.plateau = ReduceLROnPlateau(
                self.optimiser,
                factor=self.schedule.factor,
                patience=self.schedule.patience,
                threshold=self.schedule.threshold,
                cooldown=self.schedule.cooldown,
                min_lr=self.schedule.floor,
            )

    @property
    def ended(self) -> bool:
        """Whether the score has not become better for too long."""
        return 0 < self.validation.patience <= self.waited

    def after_step(self, epoch: int) -> bool:
        """Take note of a step, and tell whether to end the epoch with it."""
        return False

    def after_epoch(self) -> dict[str, float]:
        """Score the network and return what the history keeps."""
        device = next(self.network.parameters()).device
        score = float(distributed.mean(torch.tensor(self.score(), device=device)))
        self.waited = 0 if score < self.best else self.waited + 1
        if self.waited == 0:
            self.best = score
            if self.validation.keep == "best":
                self.weights = {k: v.clone() for k, v in self.network.state_dict().items()}
        if self.plateau is not None:
            self.plateau.step(score)
        return {"validation": score}

    def finish(self) -> None:
        """Give the network the weights that are to be kept."""
        if self.weights:
            self.network.load_state_dict(self.weights)

    def state_dict(self) -> dict[str, Any]:
        """Return what a resumed training needs."""
        return {
            "best": self.best,
            "waited": self.waited,
            "weights": self.weights,
            "plateau": None if self.plateau is None else self.plateau.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Take a state on."""
        self.best, self.waited, self.weights = state["best"], state["waited"], state["weights"]
        if self.plateau is not None and state["plateau"] is not None:
            self.plateau.load_state_dict(state["plateau"])
