"""Trials that stop and go on as asynchronous successive halving has it.

Each keeps its record, its history and, as long as it may go on, its checkpoint below ``trials/``.
Decisions follow from the records alone, so that an interrupted search makes them again and trains
no epoch twice that was saved.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from msgspec import Struct

from kit.base.context import Context, trial_name
from kit.training.checkpointer import Checkpointer
from kit.trials import workers
from kit.trials.halving import Halving, Job


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


@dataclass(frozen=True)
class HalvedTrials:
    """The trials of one stage.

    Attributes:
        context: of the run.
        stage: its name.
        train: trains a trial, by its number, with a checkpointer of its own, from its checkpoint up
            to so many epochs, and returns its score there, lower is better.
        every: how many epochs there are between scores; at the rungs there is always one.
    """

    context: Context
    stage: str
    train: Callable[[int, Checkpointer, int], float | None]
    every: int

    def run(self, halving: Halving, epochs: int) -> list[HalvedTrial]:
        """Train them all, the promising ones longer, and return how they did.

        Args:
            halving: how they compete.
            epochs: that the best ones train.
        """
        brackets = halving.brackets(epochs)
        expected = sum(bracket.expected_epochs() for bracket in brackets)
        trials = [HalvedTrial()] * halving.trials
        taken = 0

        def start(job: Job) -> Callable[[], float | None]:
            remote = self._remote(job)

            def end() -> float | None:
                nonlocal taken
                taken += job.epochs - job.behind
                before, total = taken - job.epochs, max(expected, taken)
                if remote is None:
                    trial = self.advance(job.trial, job.epochs, before, total)
                else:
                    trial = msgspec.convert(remote(), HalvedTrial)
                    self.context.notify(self.stage, taken, total, self._last_loss(job.trial))
                trials[job.trial] = trial
                return trial.score(job.epochs)

            return end

        workers.run(brackets, start)
        for number in range(halving.trials):
            self.context.trial(self.stage, number, 0, 0).remove_checkpoint()
        return trials

    def advance(self, number: int, epochs: int, before: int = 0, total: int = 0) -> HalvedTrial:
        """Train a trial here up to so many epochs, unless it has them; return how it did.

        Args:
            number: of the trial.
            epochs: to have in the end.
            before: epochs of the stage that other trials took.
            total: of the whole stage, for the progress shown.
        """
        trial = self._recorded(number)
        for until in (*range(self.every, epochs, self.every), epochs):
            if until > trial.epochs:
                checkpointer = self.context.trial(self.stage, number, before, total)
                score = Score(until, self.train(number, checkpointer, until))
                trial = HalvedTrial((*trial.scores, score), checkpointer.active_seconds)
                self.context.folder.set_output(trial_name(self.stage, number), trial, "trials")
        return trial

    def _remote(self, job: Job) -> Callable[[], Any] | None:
        """Begin a job elsewhere, if that is wanted and it is not yet done."""
        if self.context.remote_trials is None or self._recorded(job.trial).epochs >= job.epochs:
            return None
        return self.context.remote_trials(job.trial, job.epochs)

    def _recorded(self, number: int) -> HalvedTrial:
        output = self.context.folder.output(trial_name(self.stage, number), "trials")
        return msgspec.convert(output or {}, HalvedTrial)

    def _last_loss(self, number: int) -> float:
        lines = self.context.trial(self.stage, number, 0, 0).history.read_text().splitlines()
        return float(json.loads(lines[-1])["loss"])
