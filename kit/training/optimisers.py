"""Optimisers by their settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import torch
from torch.optim import Optimizer

from kit.settings import Optimiser
from kit.training.ranger import Ranger

Kind = TypeVar("Kind", bound=Optimizer)


@lru_cache
def eager(kind: type[Kind]) -> type[Kind]:
    """Return a kind of optimiser without what torch wraps around it for its compiler.

    The first call of what is wrapped imports the compiler, which takes a second of every process.
    Networks can still be compiled; steps are not.
    """
    names = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")
    own = {name: inspect.unwrap(getattr(kind, name)) for name in names}
    plain = inspect.unwrap(kind.step)

    @torch.no_grad()  # which a step's wrapper does, too
    def step(self: Kind, closure: Any = None) -> Any:
        now = kind.step  # somebody may have put another in its place
        return (plain if inspect.unwrap(now) is plain else now)(self, closure)

    return type(kind.__name__, (kind,), own | {"step": step})


ADAMS: dict[str, Callable[..., Optimizer]] = {
    "adam": eager(torch.optim.Adam),
    "adamw": eager(torch.optim.AdamW),
    "ranger": eager(Ranger),
}


def make_optimiser(groups: Sequence[dict[str, Any]], settings: Optimiser) -> Optimizer:
    """Return an optimiser over parameter groups; a group may bring its own ``lr``."""
    rate, decay = settings.learning_rate, settings.weight_decay
    optimiser: Optimizer
    if settings.kind == "sgd":
        nesterov = settings.nesterov and settings.momentum > 0
        optimiser = eager(torch.optim.SGD)(groups, rate, settings.momentum, 0.0, decay, nesterov)
    elif settings.kind == "rmsprop":
        # The epsilon of Keras, whose networks use it.
        optimiser = eager(torch.optim.RMSprop)(groups, rate, settings.momentum, 1e-7, decay)
    else:
        betas = (settings.momentum, 0.999)
        optimiser = ADAMS[settings.kind](groups, lr=rate, betas=betas, weight_decay=decay)
    for group in optimiser.param_groups:
        group["initial_lr"] = group["lr"]
    return optimiser
