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
    """Every six steps of RAdam, go back half of the way that they went.

    The weights of the last return are kept with the rest of a parameter's state.
    """

    @overload
    def step(self, closure: None = None) -> None: ...

    @overload
    def step(self, closure: Callable[[], float]) -> float: ...

    @torch.no_grad()
    def step(self, closure: Callable[[], float] | None = None) -> float | None:
        """Take one step of RAdam, and a return where one is due."""
        weights = [weight for group in self.param_groups for weight in group["params"]]
        # RAdam makes the state of a parameter in its first step, and expects none before.
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
