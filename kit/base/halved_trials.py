"""Trials that asynchronous successive halving stops and continues.

Each keeps its record, its history and, as long as it may continue, its checkpoint in ``trials/``.
Decisions follow from the records alone, so that an interrupted search makes them again and trains
no epoch twice that was saved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from kit.base.context import Context
from kit.base.trial import tidy
from kit.runs.trial_records import TrialRecord
from kit.trials import workers
from kit.trials.halving import Halving, TrialJob


def halve(
    context: Context,
    stage: str,
    configurations: Sequence[Any],
    halving: Halving,
    *,
    epochs: int,
    every: int,
) -> list[TrialRecord]:
    """Train all configurations by ``run_trial``, promising ones longer; return their records.

    Args:
        context: passed to ``run_trial`` with each trial.
        stage: that the trials belong to.
        configurations: one for each trial; of types that JSON has, or structs.
        halving: how many trials there are, and when one is stopped.
        epochs: of the best trials.
        every: number of epochs between scores; each rung has a score, too.
    """
    brackets = halving.brackets(epochs)
    expected = sum(bracket.expected_epochs() for bracket in brackets)
    records: dict[int, TrialRecord] = {}
    with context.trials(stage, expected) as trials:

        def start(job: TrialJob) -> Callable[[], float | None]:
            scored = (*range(every, job.epochs, every), job.epochs)
            finish = trials.begin(job.trial, configurations[job.trial], scored, job.behind)

            def end() -> float | None:
                records[job.trial] = finish()
                return records[job.trial].score(job.epochs)

            return end

        workers.run(brackets, start)
    for number in records:
        tidy(context.folder.path, stage, number)
    return [records[number] for number in range(halving.trials)]
