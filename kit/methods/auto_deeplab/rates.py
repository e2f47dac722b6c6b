"""The learning rates of both stages, as functions of the step."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch.optim import Optimizer


def annealed(initial: float, lowest: float, step: int, steps: int) -> float:
    """Return the rate of a step along half a cosine to 0, but no less than ``lowest``."""
    return max(lowest, initial * (1 + math.cos(math.pi * step / steps)) / 2)


def warmed(
    initial: float, first: float, warm_up: int, power: float, step: int, steps: int
) -> float:
    """Return the rate of a step: an exponential rise from ``first``, then a fall to 0.

    Args:
        initial: the rate after the rise.
        first: the rate of step 0.
        warm_up: number of steps of the rise.
        power: exponent of the share of steps that are left, in the fall.
        step: counted from 0.
        steps: total number.
    """
    if step < warm_up:
        return first * (initial / first) ** (step / warm_up)
    left = 1 - (step - warm_up) / max(1, steps - warm_up)
    return initial * max(0.0, left) ** power


def setter(
    optimiser: Optimizer, rate: Callable[[int], float], steps: int
) -> Callable[[int, int], None]:
    """Return a hook that sets the rate before each step.

    Args:
        optimiser: all its groups get the rate.
        rate: returns the rate of a step, counted over the whole training.
        steps: number per epoch.
    """

    def before_step(epoch: int, step: int) -> None:
        for group in optimiser.param_groups:
            group["lr"] = rate(epoch * steps + step)

    return before_step
