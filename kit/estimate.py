"""Estimates of how long a full run takes, from the papers' hours; for runs never timed here."""

from __future__ import annotations

from collections.abc import Sequence
from math import prod

from kit import method, papers, task
from kit.data.prepared import open_prepared
from kit.errors import DataError
from kit.spec import RunSpec
from kit.task import Task

# Roughly how many hours a few CPU cores take for what a V100 does in one.
CPU_HOURS_PER_V100_HOUR = 50.0
# The method whose hours stand in for those that no paper prints: the slowest of the usual ones.
STAND_IN = "dash"


def v100_hours(spec: RunSpec) -> float | None:
    """Estimate the hours of a full run on a V100, the papers' GPU; None where nothing tells.

    For a paper's task these are the paper's hours. For a task of one's own they grow with samples
    times positions, at the slowest rate among the papers' tasks of as many dimensions.
    """
    if (printed := papers.hours(spec.task, spec.method)) is not None:
        return printed
    the_task = task.find(spec.task)
    if the_task.about is not None or (count := _sample_count(the_task, spec)) is None:
        return None
    rates = [
        hours / (sum(other.about.sizes.values()) * _positions(other))
        for other in map(task.find, task.names())
        if other.about is not None
        and other.dims == the_task.dims
        and (hours := papers.hours(other.name, spec.method) or papers.hours(other.name, STAND_IN))
    ]
    return max(rates) * count * _positions(the_task) if rates else None


def cpu_hours(specs: Sequence[RunSpec]) -> float | None:
    """Estimate the hours of full runs on a CPU, one after the other; None if one is unknown."""
    total = 0.0
    for spec in specs:
        if method.find(spec.method).light:
            continue
        if (hours := v100_hours(spec)) is None:
            return None
        total += CPU_HOURS_PER_V100_HOUR * hours
    return total


def _sample_count(the_task: Task, spec: RunSpec) -> int | None:
    """Return how many samples the run's data have; None where they are not prepared."""
    try:
        prepared = open_prepared(the_task, spec.tier, spec.profile)
    except DataError:
        return None
    return sum(len(prepared.fold(name)) for name in ("train", "val", "test"))


def _positions(the_task: Task) -> int:
    """Return the number of positions of a sample, such as the pixels of an image."""
    return prod(the_task.sample_shape[1:])
