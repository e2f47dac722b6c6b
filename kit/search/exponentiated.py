"""Exponentiated gradient: steps on the simplex (GAEA, Li et al. 2021; DASH's ``optimizers.py``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn


class ExponentiatedGradient(torch.optim.Optimizer):
    """p <- p exp(-lr g), then p <- p / sum(p), for parameters that are distributions.

    Args:
        parameters: vectors of positive numbers that sum to 1.
        lr: the learning rate.
    """

    def __init__(self, parameters: Iterable[nn.Parameter], lr: float) -> None:
        super().__init__(list(parameters), {"lr": lr, "initial_lr": lr})

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Take one step; parameters without a gradient stay."""
        value = None if closure is None else closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                exponent = -group["lr"] * parameter.grad
                # The largest factor is 1, so that no step overflows; normalising undoes it.
                parameter.mul_(torch.exp(exponent - exponent.max()))
                # A candidate at 0 could never come back, and has no logarithm.
                parameter.clamp_(min=torch.finfo(parameter.dtype).tiny)
                parameter.div_(parameter.sum())
        return value
