"""Exponentiated gradient: steps on the simplex (GAEA, Li et al. 2021; DASH's ``optimizers.py``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import nn


class ExponentiatedGradient(torch.optim.Optimizer):
    """p <- p exp(-lr g), then p <- p / sum(p), for parameters that are distributions.

    Args:
        parameters: positive numbers; each row along the last axis is a distribution of its own.
        lr: factor of the gradient in the exponent.
        floor: what no number falls below, before the sum is taken: GAEA's own code has 1e-5. None
            for the smallest that there is, as a candidate at 0 could never come back.
    """

    def __init__(
        self, parameters: Iterable[nn.Parameter], lr: float, floor: float | None = None
    ) -> None:
        super().__init__(list(parameters), {"lr": lr, "initial_lr": lr})
        self.floor = floor

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
                parameter.mul_(torch.exp(exponent - exponent.amax(-1, keepdim=True)))
                tiny = torch.finfo(parameter.dtype).tiny
                parameter.clamp_(min=tiny if self.floor is None else self.floor)
                parameter.div_(parameter.sum(-1, keepdim=True))
        return value
