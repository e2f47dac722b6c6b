from __future__ import annotations

from kit.trials import workers
from kit.trials.halving import Bracket, Job


def test_jobs_end_in_logical_time_and_brackets_run_side_by_side() -> None:
    """Two workers at epochs 2, 4, ...; one worker, whose trials take 3, at 3, 6, ..."""
    ended: list[Job] = []

    def train(job: Job) -> float:
        ended.append(job)
        return float(job.trial)

    workers.run([Bracket([2], range(5), 4, 2), Bracket([3], range(5, 8), 4, 1)], train)
    assert [job.trial for job in ended] == [0, 1, 5, 2, 3, 6, 4, 7]


def test_a_promoted_trial_takes_only_the_epochs_that_it_lacks() -> None:
    ended: list[tuple[int, int]] = []

    def train(job: Job) -> float:
        ended.append((job.trial, job.epochs))
        return float(-job.trial)

    workers.run([Bracket([2, 5], range(4), 2, 2)], train)
    # From 2 on one worker has trial 2 until 4, and takes it on until 7; the other takes trial 1 on
    # until 5, then begins trial 3, which is there at 7, too, and later begun.
    assert ended == [(0, 2), (1, 2), (2, 2), (1, 5), (2, 5), (3, 2), (3, 5)]
