"""Construction of optimisers from settings."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import Any, TypeVar

import torch
from torch.optim import Optimizer

from kit.errors import DivergedError
from kit.settings import Optimiser
from kit.training.ranger import Ranger

Kind = TypeVar("Kind", bound=Optimizer)
# What torch says of a factor of a step that its numbers of 32 bits cannot hold.
OVERFLOW = "cannot be converted to type"


@lru_cache
def eager(kind: type[Kind]) -> type[Kind]:
    """Return a subclass of an optimiser without the wrappers that torch adds for its compiler.

    The first call of a wrapper imports the compiler, which costs every process a second.
    Networks can still be compiled; steps are not. A step that is too large for torch to take, as
    Adam's first ones are at a rate of 1e38, raises DivergedError.
    """
    names = ("add_param_group", "zero_grad", "state_dict", "load_state_dict")
    unwrapped = {name: inspect.unwrap(getattr(kind, name)) for name in names}
    plain = inspect.unwrap(kind.step)

    @torch.no_grad()  # as the wrapper of a step does
    def step(self: Kind, closure: Any = None) -> Any:
        current = kind.step  # may have been replaced, as by a profiler
        try:
            return (plain if inspect.unwrap(current) is plain else current)(self, closure)
        except RuntimeError as error:
            if OVERFLOW not in str(error):
                raise
            rate = max(float(group["lr"]) for group in self.param_groups)
            raise DivergedError(
                f"a step at the learning rate {rate:g} is larger than any weight can be; a lower "
                "learning rate may help"
            ) from error

    return type(kind.__name__, (kind,), unwrapped | {"step": step})


ADAMS: dict[str, Callable[..., Optimizer]] = {
    "adam": eager(torch.optim.Adam),
    "adamw": eager(torch.optim.AdamW),
    "ranger": eager(Ranger),
}


def make_optimiser(groups: Sequence[dict[str, Any]], settings: Optimiser) -> Optimizer:
    """Return an optimiser over parameter groups; a group may have its own ``lr``."""
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
