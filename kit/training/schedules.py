"""Learning rates as a function of the epoch: no state, so a resumed run cannot lose any."""

from __future__ import annotations

from torch.optim import Optimizer

from kit.settings import Schedule


def rate(initial: float, epoch: int, schedule: Schedule) -> float:
    """Return the learning rate of an epoch, counted from 0."""
    value = initial
    for milestone in sorted(schedule.milestones):
        reached = epoch > milestone if schedule.strict else epoch >= milestone
        if reached and value > schedule.floor:
            value *= schedule.factor
    return value


def apply_rate(optimiser: Optimizer, epoch: int, schedule: Schedule) -> None:
    """Set the rate of each parameter group from its ``initial_lr``."""
    for group in optimiser.param_groups:
        group["lr"] = rate(group["initial_lr"], epoch, schedule)
