"""The trials of one stage: trained in this process one after the other, or by other processes.

The result of a trial depends on its configuration, its number and the run's seed alone, so that it
does not matter where it is trained, nor in what order.
"""

from __future__ import annotations

import json
import math
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from kit.base.trial import Trial, folder_of, train
from kit.files import canonical_json
from kit.runs.folder import RunFolder
from kit.runs.names import HISTORY
from kit.runs.trial_records import TrialRecord, TrialRecords, TrialWork


class RemoteTrials(Protocol):
    """Other processes that train trials, each by the same method's ``run_trial``."""

    def begin(self, job: TrialWork, keep: Callable[[TrialRecord], None]) -> None:
        """Have a trial trained once a process is free; ``keep`` is called with its record."""

    def collect(self, here: Callable[[TrialWork], TrialRecord]) -> None:
        """Wait until one more of the trials that were begun has ended.

        Args:
            here: trains a trial in this process, which would only wait otherwise.

        Raises:
            TrialError: a trial failed, or its process was lost repeatedly.
            KitError: a trial failed by a mistake of the user.
        """

    def release(self) -> None:
        """Release the processes, since the stage is over."""


@dataclass
class Trials:
    """The trials of a stage, as the run's own process sees them.

    Attributes:
        run_trial: of the method.
        notify: takes (stage, epoch, epochs, loss).
        remote: None where all trials are trained in this process.
        records: of the trials' results.
        total: epochs of the whole stage, for the progress shown.
        done: number of these epochs that are over.
    """

    folder: RunFolder
    stage: str
    run_trial: Callable[[Trial], float | None]
    notify: Callable[[str, int, int, float], None]
    remote: RemoteTrials | None
    records: TrialRecords
    total: int
    done: int = 0

    def begin(
        self, number: int, configuration: Any, epochs: Sequence[int], behind: int = 0
    ) -> Callable[[], TrialRecord]:
        """Begin a trial in another process, if there are any.

        Args:
            number: of the trial.
            configuration: to train; a record of another one is dropped.
            epochs: after which the trial is scored, ascending; it ends at the last.
            behind: number of epochs that earlier calls have asked for.

        Returns:
            A function that waits for the trial, or trains it in this process, and returns its
            record.
        """
        job = self._job(number, configuration, epochs)
        end = epochs[-1]
        if self.remote is not None and job.record.epochs < end:
            self.remote.begin(job, self.records.add)

        def finish() -> TrialRecord:
            record = self._finished(job)
            self.done += end - behind
            return record

        return finish

    def _finished(self, job: TrialWork) -> TrialRecord:
        """Return the record of a trial, once it has all scores that were asked for."""
        number, end, notified = job.record.number, job.epochs[-1], False
        if job.record.epochs >= end:
            return job.record

        def here(job: TrialWork) -> TrialRecord:
            def notify(epoch: int, loss: float) -> None:
                nonlocal notified
                notified = True
                self._notify(self.done + epoch - job.record.epochs, loss)

            return train(job, self.folder, self.run_trial, notify)

        while (record := self.records.get(number) or job.record).epochs < end:
            if self.remote is None:
                self.records.add(here(job))
            else:
                self.remote.collect(here)
        if not notified:
            loss = math.nan if self.remote is None else self._last_loss(number)
            self._notify(self.done + end - job.record.epochs, loss)
        return record

    def _job(self, number: int, configuration: Any, epochs: Sequence[int]) -> TrialWork:
        """Return the work on a trial; a record of another configuration is dropped."""
        configuration = msgspec.json.decode(canonical_json(configuration))
        record = self.records.get(number)
        if record is not None and not record.is_of(configuration, epochs[-1]):
            self.records.drop(number)
            shutil.rmtree(folder_of(self.folder.path, self.stage, number), ignore_errors=True)
            record = None
        record = record or TrialRecord(number=number, configuration=configuration)
        return TrialWork(self.stage, tuple(epochs), record)

    def _notify(self, epoch: int, loss: float) -> None:
        self.notify(self.stage, epoch, max(self.total, epoch), loss)

    def _last_loss(self, number: int) -> float:
        """Return the loss of the last epoch of a trial that another process trained.

        NaN where it has no epoch, or diverged: what is not finite is written as null.
        """
        file = folder_of(self.folder.path, self.stage, number) / HISTORY
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        loss = json.loads(lines[-1])["loss"] if lines else None
        return math.nan if loss is None else float(loss)
