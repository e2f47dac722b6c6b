from __future__ import annotations

from collections.abc import Callable

from kit.trials import workers
from kit.trials.halving import Bracket, TrialJob


class Log:
    """What was begun and what ended, in order; the later a trial's number, the better it is."""

    def __init__(self) -> None:
        self.begun: list[TrialJob] = []
        self.ended: list[tuple[int, int]] = []

    def start(self, job: TrialJob) -> Callable[[], float]:
        self.begun.append(job)
        return lambda: self.end(job)

    def end(self, job: TrialJob) -> float:
        self.ended.append((job.trial, job.epochs))
        return float(-job.trial)


def test_jobs_end_in_logical_time_and_brackets_run_side_by_side() -> None:
    """Two workers at epochs 2, 4, ...; one worker, whose trials take 3, at 3, 6, ..."""
    log = Log()
    workers.run([Bracket([2], range(5), 4, 2), Bracket([3], range(5, 8), 4, 1)], log.start)
    assert [trial for trial, _ in log.ended] == [0, 1, 5, 2, 3, 6, 4, 7]


def test_a_promoted_trial_takes_only_the_epochs_that_it_lacks() -> None:
    """From 2 on one worker has trial 2 until 4, and takes it on until 7; the other takes trial 1 on
    until 5, then begins trial 3, which is there at 7, too, and later begun.
    """
    log = Log()
    workers.run([Bracket([2, 5], range(4), 2, 2)], log.start)
    assert log.ended == [(0, 2), (1, 2), (2, 2), (1, 5), (2, 5), (3, 2), (3, 5)]


def test_as_many_jobs_are_under_way_as_there_are_workers_while_trials_are_left() -> None:
    log = Log()
    under_way = []

    def start(job: TrialJob) -> Callable[[], float]:
        end = log.start(job)
        under_way.append(len(log.begun) - len(log.ended))
        return end

    workers.run([Bracket([1, 4, 16], range(40), 4, 3)], start)
    assert under_way[:2] == [1, 2]
    assert set(under_way[2:40]) == {3}
