"""Asynchronous successive halving: which trial trains on, and how far (Li et al. 2020, ASHA).

Whenever a trial reaches a rung, the best 1 / divisor of those that did are entitled to train on to
the next one. A trial that is overtaken waits, and may still be promoted later, by going on from
where it stopped. Rungs and brackets are those of Determined's ``adaptive_asha``, which
NAS-Bench-360 used.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Sequence
from typing import Annotated, Literal, NamedTuple

from msgspec import Meta, Struct

from kit.settings import Positive
from kit.trials.best import rank


class Halving(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """How many trials there are, and how they compete.

    Attributes:
        trials: how many begin.
        divisor: the share that trains on is 1 / divisor, to that many times the epochs.
        max_rungs: there are fewer where the epochs or the trials do not suffice.
        workers: how many trials are under way at a time.
        mode: ``aggressive`` has one bracket, with all rungs; ``standard`` adds brackets without the
            lowest ones, for trials that do badly at first.
    """

    trials: Positive
    divisor: Annotated[int, Meta(ge=2)] = 4
    max_rungs: Positive = 5
    workers: Positive = 4
    mode: Literal["aggressive", "standard"] = "aggressive"

    def brackets(self, epochs: int) -> list[Bracket]:
        """Return brackets of about the same cost; trials count up through them.

        Args:
            epochs: that the best trials train in all.
        """
        most = self._most_rungs(epochs)
        fewest = most if self.mode == "aggressive" else (most - 1) // 2 + 1
        counts = range(most, fewest - 1, -1)
        # With n rungs, divisor^(n - 1) trials cost about as much as n that train to the end.
        weights = [self.divisor ** (count - 1) / count for count in counts]
        sizes = [max(int(weight / sum(weights) * self.trials), 1) for weight in weights]
        sizes[0] += max(self.trials - sum(sizes), 0)
        each, left = divmod(max(self.workers, len(sizes)), len(sizes))
        brackets, first = [], 0
        for number, (count, size) in enumerate(zip(counts, sizes, strict=True)):
            rungs = [epochs // self.divisor**above for above in range(count - 1, -1, -1)]
            workers = each + (number < left)
            brackets.append(Bracket(rungs, range(first, first + size), self.divisor, workers))
            first += size
        return brackets

    def _most_rungs(self, epochs: int) -> int:
        """Return for how many rungs both epochs and trials can be divided often enough."""
        count = 1
        while count < self.max_rungs and self.divisor**count <= min(epochs, self.trials):
            count += 1
        return count


class TrialJob(NamedTuple):
    """Training one trial to its next rung: it has ``behind`` epochs and needs ``epochs`` in all."""

    trial: int
    rung: int
    behind: int
    epochs: int


class Bracket:
    """Trials that compete with each other.

    Args:
        rungs: epochs at which they are compared, ascending; the last is the end.
        trials: their numbers.
        divisor: the best 1 / divisor of a rung train on.
        workers: how many of them are under way at a time.
    """

    def __init__(
        self, rungs: Sequence[int], trials: Sequence[int], divisor: int, workers: int
    ) -> None:
        self.rungs, self.trials, self.divisor, self.workers = rungs, trials, divisor, workers
        self._fresh = iter(trials)
        self._ranking: list[list[tuple[float, int, int]]] = [[] for _ in rungs]
        self._promoted: list[set[int]] = [set() for _ in rungs]

    def start(self) -> list[TrialJob]:
        """Return the first job of each worker."""
        jobs = [self._next_fresh() for _ in range(self.workers)]
        return [job for job in jobs if job is not None]

    def report(self, job: TrialJob, score: float | None) -> TrialJob | None:
        """Take in the score of a finished job and return what its worker does next.

        One report entitles at most one trial, the reported one or another, to train on; else a
        fresh trial begins, until there are no more.

        Args:
            job: what ``start`` or an earlier report handed out.
            score: lower is better; None and NaN are worse than any number. Of equals the first is
                better.
        """
        ranking, promoted = self._ranking[job.rung], self._promoted[job.rung]
        insort(ranking, (rank(score), len(ranking), job.trial))
        if job.rung + 1 < len(self.rungs):
            for _, _, trial in ranking[: len(ranking) // self.divisor]:
                if trial not in promoted:
                    promoted.add(trial)
                    return TrialJob(trial, job.rung + 1, job.epochs, self.rungs[job.rung + 1])
        return self._next_fresh()

    def expected_epochs(self) -> int:
        """Return the epochs of all trials if exactly 1 / divisor of each rung train on."""
        total, behind, count = 0, 0, len(self.trials)
        for rung in self.rungs:
            total += count * (rung - behind)
            behind, count = rung, count // self.divisor
        return total

    def _next_fresh(self) -> TrialJob | None:
        trial = next(self._fresh, None)
        return None if trial is None else TrialJob(trial, 0, 0, self.rungs[0])
