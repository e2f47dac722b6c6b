"""Trials that stop and go on as asynchronous successive halving has it.

Each keeps its record, its history and, as long as it may go on, its checkpoint below ``trials/``.
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
    """Train all configurations by ``run_trial``, the promising ones longer; return how they did.

    Args:
        context: what ``run_trial`` is given with each trial.
        stage: below whose name their records lie.
        configurations: one for each trial; of types that JSON has, or structs.
        halving: how many trials there are, and when one is stopped.
        epochs: that the best ones train.
        every: how many epochs there are between scores; at the rungs there is always one.
    """
    brackets = halving.brackets(epochs)
    expected = sum(bracket.expected_epochs() for bracket in brackets)
    found: dict[int, TrialRecord] = {}
    with context.trials(stage, expected) as trials:

        def start(job: TrialJob) -> Callable[[], float | None]:
            scored = (*range(every, job.epochs, every), job.epochs)
            finish = trials.begin(job.trial, configurations[job.trial], scored, job.behind)

            def end() -> float | None:
                found[job.trial] = finish()
                return found[job.trial].score(job.epochs)

            return end

        workers.run(brackets, start)
    for number in found:
        tidy(context.folder.path, stage, number)
    return [found[number] for number in range(halving.trials)]
