"""Ranger: RAdam with Lookahead (Zhang et al., NeurIPS 2019)."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from typing import Any, overload

import torch
from torch import Tensor

SYNC_PERIOD = 6
SLOW_STEP = 0.5

# Without what torch wraps around it for its compiler, see ``optimisers.eager``.
radam = inspect.unwrap(torch.optim.RAdam.step)


class Ranger(torch.optim.RAdam):
    """RAdam that, after every six steps, moves the weights back by half of those steps (Lookahead).

    A parameter's state keeps, as ``slow``, the weights from which the six steps began.
    """

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Take one step of RAdam, and after every sixth move back."""
        weights = [weight for group in self.param_groups for weight in group["params"]]
        # RAdam creates a parameter's state in its first step, and must find it empty until then.
        fresh = {weight: weight.clone() for weight in weights if not self.state.get(weight)}
        value = radam(self, closure)
        for weight in weights:
            state: dict[str, Any] = self.state.get(weight, {})
            if not state:
                continue  # It had no gradient yet.
            if weight in fresh:
                state["slow"] = fresh[weight]
            if int(state["step"]) % SYNC_PERIOD == 0:
                slow: Tensor = state["slow"]
                slow.lerp_(weight, SLOW_STEP)
                weight.copy_(slow)
        return value
