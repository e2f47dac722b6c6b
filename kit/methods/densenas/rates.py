"""The learning rates of DenseNAS, whose code counts steps from 1, and one too many per epoch."""

from __future__ import annotations

import math
from collections.abc import Callable

from torch.optim import Optimizer


def cosine(initial: float, floor: float, step: int, steps: int) -> float:
    """Return the rate of a step, counted from 1; it is ``floor`` at step ``steps``."""
    return floor + (initial - floor) * (1 + math.cos(math.pi * step / steps)) / 2


def annealing(
    optimiser: Optimizer, floor: float, samples: int, batch_size: int, epochs: int
) -> Callable[[int, int], None]:
    """Return a hook that sets the rate of each step, given the epoch and the step in it, from 0.

    The schedule counts samples // batch_size + 1 steps per epoch (released code), one too many
    where the division leaves no remainder.

    Args:
        optimiser: with ``initial_lr`` in each group.
        floor: the last rate.
        samples: of an epoch.
        batch_size: of a step; the last of an epoch may be smaller.
        epochs: of the schedule; the training may end before.
    """
    taken, total = -(-samples // batch_size), epochs * (samples // batch_size + 1)

    def set_rate(epoch: int, step: int) -> None:
        for group in optimiser.param_groups:
            group["lr"] = cosine(group["initial_lr"], floor, epoch * taken + step + 1, total)

    return set_rate
