"""The method contract, the part with torch: what a method's ``Stages`` do and are given."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Protocol, TypeVar

import torch

from kit.data.folds import Fold, TaskData
from kit.data.loading import Batch
from kit.metrics import Prediction
from kit.runs.folder import RunFolder
from kit.runs.records import Architecture
from kit.settings import Settings
from kit.spec import RunSpec
from kit.task import Task
from kit.training.checkpointer import Checkpointer

Configuration = TypeVar("Configuration")
# Begins to train a trial, by its number, up to so many epochs in another process, which calls
# ``advance`` of the method's ``Stages``. What it returns waits for the trial's record.
RemoteTrials = Callable[[int, int], Callable[[], Any]]


@dataclass(frozen=True)
class Outcome:
    """What a finished run leaves besides its scores.

    Attributes:
        architecture: what was searched, if anything.
        parameters: trainable ones of the final model.
        macs: its multiply-adds for one sample.
        artifacts: (path below the run's folder, format).
    """

    architecture: Architecture | None = None
    parameters: int | None = None
    macs: int | None = None
    artifacts: Sequence[tuple[str, str]] = ()


class Method(Protocol):
    """What ``stages.py`` of a method folder defines as ``Stages``.

    One whose model is a single network has ``trained(context) -> nn.Module`` too, the network with
    its final weights, and can be exported. One whose trials can be trained in other processes has
    ``advance(context, number, epochs)``, which returns a trial's record.
    """

    def run_stage(self, stage: str, context: Context) -> None:
        """Run one stage from its last checkpoint on and end it with ``context.finish``."""

    def predictor(self, context: Context) -> Callable[[Batch], Prediction]:
        """Return the trained model as a function, once all stages are finished."""

    def outcome(self, context: Context) -> Outcome:
        """Describe the trained model."""


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

    def checkpointer(self, name: str, epochs: int) -> Checkpointer:
        """Return what keeps the checkpoints of a stage of so many epochs."""
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
            stage: whose trials they are.
            function: trains one configuration, with a checkpointer of its own, and returns the
                score.
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
                score = function(configuration, trial)
                done = {"score": score, "seconds": trial.active_seconds}
                self.folder.set_output(name, done, "trials")
                trial.remove_checkpoint()
            score = done["score"]
            score = float("nan") if score is None else float(score)
            results.append(TrialResult(number, score, float(done["seconds"])))
        return results

    def trial(self, stage: str, number: int, before: int, epochs: int) -> Checkpointer:
        """Return what keeps the checkpoints of a trial.

        Args:
            stage: its name.
            number: of the trial.
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
