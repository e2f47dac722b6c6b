"""How long a sweep takes: longest expected first onto whatever place is free next."""

from __future__ import annotations

import heapq
from collections.abc import Sequence


def makespan(
    seconds: Sequence[float],
    places: int,
    *,
    expected: Sequence[float] | None = None,
    under_way: Sequence[float] = (),
) -> float:
    """Return when the last run ends, in the unit of ``seconds``.

    Args:
        seconds: how long each run takes.
        places: how many run at a time.
        expected: how long each is thought to take, which sets the order; None for the truth.
        under_way: how long runs that have begun still take.
    """
    order = sorted(range(len(seconds)), key=lambda run: -(expected or seconds)[run])
    free = [0.0] * max(0, places - len(under_way)) + list(under_way)
    heapq.heapify(free)
    end = max(under_way, default=0.0)
    for run in order:
        ends = heapq.heappop(free) + seconds[run]
        heapq.heappush(free, ends)
        end = max(end, ends)
    return end


def lower_bound(seconds: Sequence[float], places: int) -> float:
    """Return what no order can beat: the longest run, or the work divided evenly."""
    return max([*seconds, sum(seconds) / places], default=0.0)
