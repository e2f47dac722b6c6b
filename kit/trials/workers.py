"""Workers at trials: several at a time in a logical time, so that their order is always the same.

An epoch takes one unit of logical time whatever the trial, and jobs end in that order. A search
therefore decides the same on any machine, and again after it was interrupted.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Sequence

from kit.trials.halving import Bracket, Job


def run(brackets: Sequence[Bracket], train: Callable[[Job], float | None]) -> None:
    """Let brackets run side by side until none has anything left to do.

    Args:
        brackets: each with workers of its own.
        train: does a job and returns the trial's score at its end.
    """
    # Of jobs that end at the same time, the one that was begun first comes first.
    under_way: list[tuple[int, int, Job, Bracket]] = []
    begun = 0
    for bracket in brackets:
        for job in bracket.start():
            heapq.heappush(under_way, (job.epochs, begun, job, bracket))
            begun += 1
    while under_way:
        now, _, job, bracket = heapq.heappop(under_way)
        following = bracket.report(job, train(job))
        if following is not None:
            end = now + following.epochs - following.behind
            heapq.heappush(under_way, (end, begun, following, bracket))
            begun += 1
