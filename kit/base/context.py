"""What a method is given of its run: its facts, data, stages and trials, and its inputs."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, NoReturn

import torch

from kit import method
from kit.base.trial import Trial, tidy
from kit.base.trials import RemoteTrials, Trials
from kit.data.folds import Fold, TaskData
from kit.runs import trial_records
from kit.runs.folder import RunFolder
from kit.runs.inputs import Input, open_input
from kit.runs.trial_records import TrialRecord
from kit.settings import Settings
from kit.spec import RunSpec
from kit.task import Task
from kit.training.checkpointer import Checkpointer


@dataclass(frozen=True)
class TrialResult:
    """The result of one trial of ``map_trials``.

    Attributes:
        number: of the trial in its stage.
        score: lower is better; NaN where there is none.
        seconds: that it took.
    """

    number: int
    score: float
    seconds: float


def _no_trials(context: Context, trial: Trial) -> NoReturn:
    raise NotImplementedError(f"{context.spec.method} has no run_trial")


@dataclass(frozen=True)
class Context:
    """What a method is given of its run.

    Attributes:
        notify: takes (stage, epoch, epochs, loss).
        run_trial: of the method; each process calls it for the trials that it trains.
        remote_trials: other processes that train trials; None where there are none.
    """

    spec: RunSpec
    task: Task
    settings: Settings
    data: TaskData
    folder: RunFolder
    notify: Callable[[str, int, int, float], None] = field(default=lambda *_: None)
    run_trial: Callable[[Context, Trial], float | None] = _no_trials
    remote_trials: RemoteTrials | None = None

    @property
    def device(self) -> torch.device:
        """The device to compute on."""
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
        """Return an input of this run: the finished run to which its spec gives this name.

        Raises:
            KitError: that run does not exist or is not finished; the message has its command.
        """
        return open_input(self.spec, name, self.folder.root)

    def checkpointer(self, name: str, epochs: int) -> Checkpointer:
        """Return the checkpointer of a stage that has this number of epochs.

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
        """Store a stage's output, which marks it as finished, and remove its checkpoint."""
        # The records of trials include those of earlier sessions.
        seconds = max(checkpointer.active_seconds, self._trial_seconds(checkpointer.name))
        on_gpu = self.device.type == "cuda"
        memory = torch.cuda.max_memory_allocated(self.device) if on_gpu else None
        cost = {"active_seconds": seconds, "sessions": checkpointer.sessions, "gpu_memory": memory}
        self.folder.set_output(checkpointer.name, {**output, "cost": cost})
        checkpointer.remove_checkpoint()
        if self.remote_trials is not None:
            self.remote_trials.release()

    def output(self, stage: str) -> dict[str, Any]:
        """Return the output of a finished stage, as given to ``finish``, and its ``cost``.

        Raises:
            RuntimeError: the stage is not finished.
        """
        output = self.folder.output(stage)
        if output is None:
            raise RuntimeError(f"stage {stage!r} is not finished")
        return output

    def map_trials(
        self,
        stage: str,
        configurations: Sequence[Any],
        *,
        epochs: int,
        first: int = 0,
        of: int | None = None,
    ) -> list[TrialResult]:
        """Score configurations by ``run_trial``, in this process or in others.

        Args:
            stage: that the trials belong to.
            configurations: numbered from ``first``; of types that JSON has, or structs.
            epochs: of one trial.
            first: number of the first trial.
            of: most trials that the stage may have, for the progress shown.

        Returns:
            The results, in the order of the configurations.
        """
        total = epochs * (of or first + len(configurations))
        with self.trials(stage, total) as trials:
            trials.done = epochs * first
            begun = [
                trials.begin(number, configuration, [epochs])
                for number, configuration in enumerate(configurations, first)
            ]
            return [self._result(stage, finish(), epochs) for finish in begun]

    @contextmanager
    def trials(self, stage: str, total: int) -> Iterator[Trials]:
        """Yield the trials of a stage; ``total`` is the number of epochs of all together."""
        with trial_records.opened(trial_records.file_of(self.folder.path, stage)) as records:
            run_trial = partial(self.run_trial, self)
            remote = self.remote_trials
            yield Trials(self.folder, stage, run_trial, self.notify, remote, records, total)

    def _trial_seconds(self, stage: str) -> float:
        records = trial_records.read(trial_records.file_of(self.folder.path, stage))
        return sum(record.seconds for record in records.values())

    def _result(self, stage: str, record: TrialRecord, epochs: int) -> TrialResult:
        tidy(self.folder.path, stage, record.number)
        score = record.score(epochs)
        return TrialResult(record.number, math.nan if score is None else score, record.seconds)
