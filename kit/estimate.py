"""How long a full run takes where no run of its kind has told: from the papers' hours."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from kit import method, papers, task
from kit.data.prepared import open_prepared
from kit.errors import DataError
from kit.spec import RunSpec
from kit.task import Task

# What a few CPU cores take of a V100's hour, roughly.
CPU_HOURS = 50.0
# Of methods that no paper has timed: the longest of those that train one network or search.
LIKE = "dash"


def v100_hours(spec: RunSpec) -> float | None:
    """Estimate the hours of a full run on the papers' card; None where nothing tells.

    A paper's hours for the task, else the most that a paper's task of the same dimensions takes for
    so many samples of such a size.
    """
    if (printed := papers.hours(spec.task, spec.method)) is not None:
        return printed
    the_task = task.find(spec.task)
    if the_task.about is not None or (count := _prepared(the_task, spec)) is None:
        return None
    rates = [
        hours / (sum(other.about.sizes.values()) * _positions(other))
        for other in map(task.find, task.names())
        if other.about is not None
        and other.dims == the_task.dims
        and (hours := papers.hours(other.name, spec.method) or papers.hours(other.name, LIKE))
    ]
    return max(rates) * count * _positions(the_task) if rates else None


def cpu_hours(specs: Sequence[RunSpec]) -> float | None:
    """Estimate the hours of full runs on a CPU, one after the other; None where nothing tells."""
    total = 0.0
    for spec in specs:
        if method.find(spec.method).light:
            continue
        if (hours := v100_hours(spec)) is None:
            return None
        total += CPU_HOURS * hours
    return total


def _prepared(the_task: Task, spec: RunSpec) -> int | None:
    """Return the number of samples of a task of one's own, where it is prepared."""
    try:
        prepared = open_prepared(the_task, spec.tier, spec.profile)
    except DataError:
        return None
    return sum(len(prepared.fold(name)) for name in ("train", "val", "test"))


def _positions(the_task: Task) -> int:
    return prod(the_task.sample_shape[1:])
