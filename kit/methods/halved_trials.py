"""Trials that stop and go on as asynchronous successive halving has it.

Each keeps its record, its history and, as long as it may go on, its checkpoint below ``trials/``.
Decisions follow from the records alone, so that an interrupted search makes them again and trains
no epoch twice that was saved.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeVar

import msgspec
from msgspec import Struct

from kit.methods.context import Context, trial_name
from kit.training.stage import Stage
from kit.trials import workers
from kit.trials.halving import Halving, Job

Configuration = TypeVar("Configuration")


class Score(Struct, frozen=True):
    """A trial's score after so many epochs; None or NaN where it is not a number."""

    epochs: int
    value: float | None


class HalvedTrial(Struct, frozen=True):
    """What a trial has come to: its scores in order, and its seconds at work."""

    scores: tuple[Score, ...] = ()
    seconds: float = 0.0

    @property
    def epochs(self) -> int:
        """Up to its last score."""
        return self.scores[-1].epochs if self.scores else 0

    def score(self, epochs: int) -> float | None:
        """Return the score after so many epochs, which it must have."""
        return next(score.value for score in self.scores if score.epochs == epochs)


def halve_trials(
    context: Context,
    stage: str,
    function: Callable[[Configuration, Stage, int], float | None],
    configurations: Sequence[Configuration],
    halving: Halving,
    *,
    epochs: int,
    every: int,
) -> list[HalvedTrial]:
    """Train configurations, the promising ones longer, and return how they did.

    Args:
        context: of the run.
        stage: whose trials they are.
        function: trains one on a ``Stage`` of its own, from its checkpoint up to so many epochs,
            and returns its score there, lower is better.
        configurations: one per trial.
        halving: how they compete.
        epochs: that the best ones train.
        every: how many epochs there are between scores; at the rungs there is always one.
    """
    brackets = halving.brackets(epochs)
    expected = sum(bracket.expected_epochs() for bracket in brackets)
    trials = [_recorded(context, stage, number) for number in range(halving.trials)]
    taken = 0

    def train(job: Job) -> float | None:
        nonlocal taken
        taken += job.epochs - job.behind
        for until in (*range(every, job.epochs, every), job.epochs):
            trial = trials[job.trial]
            if until > trial.epochs:
                before = taken - job.epochs
                progress = context.trial(stage, job.trial, before, max(expected, taken))
                score = Score(until, function(configurations[job.trial], progress, until))
                trial = HalvedTrial((*trial.scores, score), progress.active_seconds)
                context.folder.set_output(trial_name(stage, job.trial), trial, "trials")
                trials[job.trial] = trial
        return trials[job.trial].score(job.epochs)

    workers.run(brackets, train)
    for number in range(halving.trials):
        context.trial(stage, number, 0, 0).remove_checkpoint()
    return trials


def _recorded(context: Context, stage: str, number: int) -> HalvedTrial:
    output = context.folder.output(trial_name(stage, number), "trials")
    return msgspec.convert(output or {}, HalvedTrial)
