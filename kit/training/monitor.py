"""Scores after each epoch, and what they decide: lower rates, an early end, the best weights."""

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
    """Scores a network after each epoch; lower scores are better.

    Args:
        network: gets its best weights back at the end, where ``validation.keep`` is ``best``.
        optimiser: whose rate a ``plateau`` schedule cuts.
        schedule: of kind ``plateau`` where scores cut the rate.
        validation: which weights to keep, and after how many epochs without improvement to end.
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
        """Whether the score has not improved for ``validation.patience`` epochs."""
        return 0 < self.validation.patience <= self.waited

    def after_step(self, epoch: int) -> bool:
        """Return whether to end the epoch after this step; subclasses may also score here."""
        return False

    def after_epoch(self) -> dict[str, float]:
        """Score the network; return the entries of the history."""
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
        """Restore what ``state_dict`` returned."""
        self.best, self.waited, self.weights = state["best"], state["waited"], state["weights"]
        if self.plateau is not None and state["plateau"] is not None:
            self.plateau.load_state_dict(state["plateau"])
