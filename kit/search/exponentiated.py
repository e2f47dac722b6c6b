"""Exponentiated gradient: steps on the simplex (GAEA, Li et al. 2021; DASH's ``optimizers.py``)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor


class ExponentiatedGradient(torch.optim.Optimizer):
    """p <- p exp(-lr g), then p <- p / sum(p), for parameters that are distributions.

    Args:
        parameters: positive numbers, or groups of them as torch's optimisers take; each row along
            the last axis is a distribution of its own, or so many as its group has ``parts``, which
            are their lengths.
        lr: factor of the gradient in the exponent.
        floor: what no number falls below, before the sum is taken: GAEA's own code has 1e-5. None
            for the smallest that there is, as a candidate at 0 could never come back.
    """

    def __init__(
        self,
        parameters: Iterable[Tensor] | Iterable[dict[str, Any]],
        lr: float,
        floor: float | None = None,
    ) -> None:
        super().__init__(parameters, {"lr": lr, "initial_lr": lr, "parts": None})
        self.floor = floor

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> Any:
        """Take one step; parameters without a gradient stay."""
        value = None
        if closure is not None:
            with torch.enable_grad():
                value = closure()
        for group in self.param_groups:
            for parameter in group["params"]:
                if parameter.grad is None:
                    continue
                lengths = group["parts"] or [parameter.shape[-1]]
                gradients = parameter.grad.split(lengths, -1)
                for part, gradient in zip(parameter.split(lengths, -1), gradients, strict=True):
                    self._step(part, -group["lr"] * gradient)
        return value

    def _step(self, part: Tensor, exponent: Tensor) -> None:
        # The largest factor is 1, so that no step overflows; normalising undoes it.
        part.mul_(torch.exp(exponent - exponent.amax(-1, keepdim=True)))
        part.clamp_(min=torch.finfo(part.dtype).tiny if self.floor is None else self.floor)
        part.div_(part.sum(-1, keepdim=True))
