"""What a method sees of its run: facts, data, stages, trials, the runs that it reads."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import torch

from kit import method
from kit.data.folds import Fold, TaskData
from kit.errors import DivergedError
from kit.runs.folder import RunFolder
from kit.runs.inputs import Input, open_input
from kit.settings import Settings
from kit.spec import RunSpec
from kit.task import Task
from kit.training.checkpointer import Checkpointer

Configuration = TypeVar("Configuration")
# Begins to train a trial, by its number, up to so many epochs in another process, which calls
# ``advance`` of the method. What it returns waits for the trial's record.
RemoteTrials = Callable[[int, int], Callable[[], Any]]


@dataclass(frozen=True)
class TrialResult:
    """One trial of ``map_trials``, in the order of the configurations."""

    number: int
    score: float
    seconds: float


def trial_name(stage: str, number: int) -> str:
    """Return the name under which a trial's record and folder lie below ``trials/``."""
    return f"{stage}-{number:03d}"


@dataclass(frozen=True)
class Context:
    """What a method sees of its run.

    Attributes:
        notify: takes (stage, epoch, epochs, loss).
        remote_trials: trains trials in other processes; None where there are none.
    """

    spec: RunSpec
    task: Task
    settings: Settings
    data: TaskData
    folder: RunFolder
    notify: Callable[[str, int, int, float], None] = field(default=lambda *_: None)
    remote_trials: RemoteTrials | None = None

    @property
    def device(self) -> torch.device:
        """Where to compute."""
        return self.data.device

    @property
    def input_shape(self) -> tuple[int, ...]:
        """(channels, *spatial) of one input under the method's data config."""
        return self.settings.data.input_shape(self.task.sample_shape)

    @property
    def artifacts(self) -> Path:
        """The folder for files that outlive the run."""
        return self.folder.path / "artifacts"

    def fold(self, role: str) -> Fold:
        """Return a fold under the method's data config."""
        return self.data.fold(role, self.settings.data)

    def input(self, name: str) -> Input:
        """Return the finished run that the spec names so, to read.

        Raises:
            KitError: it is not there or not finished; the line has the command that makes it.
        """
        return open_input(self.spec, name, self.folder.root)

    def checkpointer(self, name: str, epochs: int) -> Checkpointer:
        """Return what keeps the checkpoints of a stage of so many epochs.

        Raises:
            ValueError: the method has no such stage.
        """
        stages = method.find(self.spec.method).stages
        if name not in stages:
            raise ValueError(f"{self.spec.method} has the stages {', '.join(stages)}, no {name!r}")
        return Checkpointer(
            name,
            self.spec,
            self.folder.path / "stages",
            self.folder.history,
            lambda epoch, loss: self.notify(name, epoch, epochs, loss),
        )

    def finish(self, checkpointer: Checkpointer, **output: Any) -> None:
        """Mark a stage as finished; from now on its checkpoint is not needed."""
        # Those of trials count whatever session they were in.
        seconds = max(checkpointer.active_seconds, self._trial_seconds(checkpointer.name))
        on_gpu = self.device.type == "cuda"
        memory = torch.cuda.max_memory_allocated(self.device) if on_gpu else None
        cost = {"active_seconds": seconds, "sessions": checkpointer.sessions, "gpu_memory": memory}
        self.folder.set_output(checkpointer.name, {**output, "cost": cost})
        checkpointer.remove_checkpoint()

    def output(self, stage: str) -> dict[str, Any]:
        """Return what a finished stage left."""
        output = self.folder.output(stage)
        if output is None:
            raise RuntimeError(f"stage {stage!r} is not finished")
        return output

    def map_trials(
        self,
        stage: str,
        function: Callable[[Configuration, Checkpointer], float],
        configurations: Sequence[Configuration],
        *,
        epochs: int,
        first: int = 0,
        of: int | None = None,
    ) -> list[TrialResult]:
        """Score configurations, one after the other here; an engine may do it elsewhere.

        Args:
            stage: below whose name their records lie.
            function: trains one configuration and returns its score, lower is better.
            configurations: numbered from ``first``.
            epochs: of one trial, for the progress shown.
            first: the number of the first one.
            of: how many there may be in all.
        """
        total = epochs * (of or len(configurations))
        results = []
        for number, configuration in enumerate(configurations, first):
            name = trial_name(stage, number)
            done = self.folder.output(name, "trials")
            if done is None:
                trial = self.trial(stage, number, number * epochs, total)
                try:
                    score = function(configuration, trial)
                except DivergedError:
                    score = math.nan  # which loses against any number
                done = {"score": score, "seconds": trial.active_seconds}
                self.folder.set_output(name, done, "trials")
                trial.remove_checkpoint()
            score = done["score"]
            score = math.nan if score is None else float(score)
            results.append(TrialResult(number, score, float(done["seconds"])))
        return results

    def trial(self, stage: str, number: int, before: int, epochs: int) -> Checkpointer:
        """Return what keeps the checkpoints of a trial.

        Args:
            stage: below whose name the trial's folder lies.
            number: which trial, counted from 0; it keys the trial's randomness.
            before: epochs of the stage that earlier trials took.
            epochs: of the whole stage, for the progress shown.
        """
        folder = self.folder.path / "trials" / trial_name(stage, number)
        return Checkpointer(
            stage,
            self.spec,
            folder,
            folder / "history.jsonl",
            lambda epoch, loss: self.notify(stage, before + epoch, epochs, loss),
            trial=number,
        )

    def _trial_seconds(self, stage: str) -> float:
        records = (self.folder.path / "trials").glob(f"{stage}-*.json")
        outputs = [self.folder.output(record.stem, "trials") or {} for record in records]
        return sum(float(output.get("seconds", 0.0)) for output in outputs)
