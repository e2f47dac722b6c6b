"""The learning rates of both stages, by the step."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch.optim import Optimizer


def annealed(initial: float, lowest: float, step: int, steps: int) -> float:
    """Return the rate of a step along half a cosine to 0, cut off at ``lowest``."""
    return max(lowest, initial * (1 + math.cos(math.pi * step / steps)) / 2)


def warmed(
    initial: float, first: float, warm_up: int, power: float, step: int, steps: int
) -> float:
    """Return the rate of a step that rises from ``first`` by a factor, then falls to 0.

    Args:
        initial: what it rises to.
        first: of step 0.
        warm_up: steps of the rise.
        power: of the part of the way that is left.
        step: counted from 0.
        steps: in all.
    """
    if step < warm_up:
        return first * (initial / first) ** (step / warm_up)
    left = 1 - (step - warm_up) / max(1, steps - warm_up)
    return initial * max(0.0, left) ** power


def setter(
    optimiser: Optimizer, rate: Callable[[int], float], steps: int
) -> Callable[[int, int], None]:
    """Return what sets a rate before a step of an epoch.

    Args:
        optimiser: of which all groups get it.
        rate: by the step of the whole training.
        steps: of an epoch.
    """

    def before_step(epoch: int, step: int) -> None:
        for group in optimiser.param_groups:
            group["lr"] = rate(epoch * steps + step)

    return before_step
