"""Workers at trials: several at a time in a logical time, so that their order is always the same.

An epoch takes one unit of logical time whatever the trial, and jobs end in that order. A search
therefore decides the same on any machine, and again after it was interrupted.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

from kit.trials.halving import Bracket, TrialJob


def run(
    brackets: Sequence[Bracket], start: Callable[[TrialJob], Callable[[], float | None]]
) -> None:
    """Let brackets run side by side until none has anything left to do.

    Args:
        brackets: each with workers of its own.
        start: begins a job, here or elsewhere, or leaves it for later. What it returns is called
            when the job's end is next in logical time, and returns the trial's score there.
    """
    # Of jobs that end at the same time, the one that was begun first comes first.
    under_way: list[tuple[int, int, TrialJob, Bracket, Callable[[], float | None]]] = []
    begun = 0

    def begin(job: TrialJob, bracket: Bracket, now: int) -> None:
        nonlocal begun
        end = now + job.epochs - job.behind
        heapq.heappush(under_way, (end, begun, job, bracket, start(job)))
        begun += 1

    for bracket in brackets:
        for job in bracket.start():
            begin(job, bracket, 0)
    while under_way:
        now, _, job, bracket, score = heapq.heappop(under_way)
        following = bracket.report(job, score())
        if following is not None:
            begin(following, bracket, now)
