"""How long the runs of a sweep take: by their estimates at first, then by those that are done."""

from __future__ import annotations

import statistics
from collections import defaultdict
from collections.abc import Iterable, Sequence

from kit.engines.jobs import Job
from kit.engines.schedule import mean_of_kind


class Lengths:
    """Expected hours of each job.

    Seeds of one method on one task take about as long as each other.
    """

    def __init__(self, jobs: Sequence[Job]) -> None:
        self._expected = mean_of_kind([(job.kind, job.hours) for job in jobs])
        self._took: defaultdict[tuple[str, str], list[float]] = defaultdict(list)

    def add(self, job: Job, seconds: float) -> None:
        """Learn how long a job took."""
        self._took[job.kind].append(seconds)

    def hours(self, job: Job, under_way: Iterable[float] = ()) -> float | None:
        """Return how many hours a job is expected to take; None where nothing tells.

        It is the median of its kind that are done; before any is, the mean of their estimates, or
        for how long one of them has been under way if that is more.

        Args:
            job: of any state.
            under_way: the seconds so far of the runs of its kind that are under way.
        """
        took = self._took.get(job.kind)
        if took:
            return statistics.median(took) / 3600
        expected = self._expected.get(job.kind)
        if expected is None:
            return None
        return max([expected, *(seconds / 3600 for seconds in under_way)])
