"""How long a sweep takes: longest expected first onto whatever slot is free next."""

from __future__ import annotations

import heapq
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from statistics import fmean
from typing import TypeVar

K = TypeVar("K", bound=Hashable)


def makespan(
    seconds: Sequence[float],
    slots: int,
    *,
    expected: Sequence[float] | None = None,
    under_way: Sequence[float] = (),
) -> float:
    """Return when the last run ends, in the unit of ``seconds``.

    Args:
        seconds: how long each run takes.
        slots: how many run at a time.
        expected: how long each is thought to take, by which they are ordered; None for ``seconds``.
        under_way: how long runs that have begun still take.
    """
    order = sorted(range(len(seconds)), key=lambda run: -(expected or seconds)[run])
    idle = max(0, slots - len(under_way))
    free = [0.0] * min(idle, len(seconds)) + list(under_way)  # no more than there are runs for
    heapq.heapify(free)
    end = max(under_way, default=0.0)
    for run in order:
        ends = heapq.heappop(free) + seconds[run]
        heapq.heappush(free, ends)
        end = max(end, ends)
    return end


def mean_of_kind(estimates: Iterable[tuple[K, float | None]]) -> dict[K, float]:
    """Return what runs of each kind are expected to take, from (kind, estimate) of each run.

    Errors of a kind's estimates cancel out in part; a kind without any estimate is left out.
    """
    known: defaultdict[K, list[float]] = defaultdict(list)
    for kind, estimate in estimates:
        if estimate is not None:
            known[kind].append(estimate)
    return {kind: fmean(each) for kind, each in known.items()}


def lower_bound(seconds: Sequence[float], slots: int) -> float:
    """Return what no order can beat: the longest run, or the work divided evenly."""
    return max([*seconds, sum(seconds) / slots], default=0.0)
