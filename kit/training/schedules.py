"""Learning rates as a function of the epoch, without state that a resumed run could lose.

The rate of ``plateau`` depends on scores too; ``kit.training.monitor`` sets it.
"""

from __future__ import annotations

import math

from torch.optim import Optimizer

from kit.settings import Schedule


def rate(initial: float, epoch: float, schedule: Schedule, epochs: int) -> float:
    """Return the learning rate at a given epoch.

    Args:
        initial: the rate without a schedule.
        epoch: counted from 0; a fraction within an epoch.
        schedule: the kind of change, with its parameters.
        epochs: total number, at which a cosine ends.
    """
    if epoch < schedule.warm_up:
        return initial * epoch / schedule.warm_up
    if schedule.kind == "cosine":
        start = max(schedule.warm_up, schedule.start)
        done = max(0.0, epoch - start) / max(1, epochs - start)
        return schedule.floor + (initial - schedule.floor) * (1 + math.cos(math.pi * done)) / 2
    value = initial
    for milestone in sorted(schedule.milestones):
        whole = int(epoch)
        reached = whole > milestone if schedule.strict else whole >= milestone
        if reached and value > schedule.floor:
            value *= schedule.factor
    return value


def set_rate(
    optimiser: Optimizer,
    schedule: Schedule,
    epoch: int,
    step: int,
    steps: int | None,
    epochs: int,
) -> None:
    """Set the rate of each parameter group from its ``initial_lr``; ``plateau`` leaves it alone.

    Args:
        optimiser: with ``initial_lr`` in each group.
        schedule: the kind of change, with its parameters.
        epoch: counted from 0.
        step: in the epoch, counted from 0.
        steps: number per epoch; None to change the rate between epochs only.
        epochs: total number.
    """
    within = step / steps if steps and _by_step(schedule) else 0.0
    if schedule.kind == "plateau" or (step and not within):
        return
    for group in optimiser.param_groups:
        group["lr"] = rate(group["initial_lr"], epoch + within, schedule, epochs)


def _by_step(schedule: Schedule) -> bool:
    """Tell whether the rate changes within epochs."""
    falls_or_rises = schedule.kind == "cosine" or schedule.warm_up > 0
    return falls_or_rises and schedule.every == "step"
