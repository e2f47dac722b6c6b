"""The trials of one stage: trained here one after the other, or by other processes, wherever.

What a trial comes to depends on its configuration, its number and the run's seed alone, so it does
not matter where it is trained, nor in what order.
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
from kit.runs.trial_records import TrialRecord, TrialRecords, TrialWork


class RemoteTrials(Protocol):
    """Other processes that train trials, each by the same method's ``run_trial``."""

    def begin(self, job: TrialWork, keep: Callable[[TrialRecord], None]) -> None:
        """Have a trial trained once a process is free; ``keep`` takes its record at once."""

    def collect(self, here: Callable[[TrialWork], TrialRecord]) -> None:
        """Wait until one more trial that was begun has ended, whichever.

        Args:
            here: trains one in this process, which has nothing else to do.

        Raises:
            TrialError: one failed, or its process was lost again and again.
            KitError: one met a mistake of the user's.
        """

    def release(self) -> None:
        """Let go of the processes for now: the stage is over."""


@dataclass
class Trials:
    """The trials of a stage, as the run's own process sees them.

    Attributes:
        run_trial: the method's.
        notify: takes (stage, epoch, epochs, loss).
        remote: None where all are trained here.
        records: of what they came to.
        total: epochs of the whole stage, for the progress shown.
        done: how many of them are over.
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
        """Begin a trial elsewhere, if it can be; what is returned waits for it or trains it here.

        Args:
            number: of the trial.
            configuration: what to train; a record of another one does not count.
            epochs: after which it is scored, ascending; the last is the end.
            behind: how many of them were begun before.
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
        number, end, told = job.record.number, job.epochs[-1], False
        if job.record.epochs >= end:
            return job.record

        def here(job: TrialWork) -> TrialRecord:
            def notify(epoch: int, loss: float) -> None:
                nonlocal told
                told = True
                self._notify(self.done + epoch - job.record.epochs, loss)

            return train(job, self.folder, self.run_trial, notify)

        while (record := self.records.get(number) or job.record).epochs < end:
            if self.remote is None:
                self.records.add(here(job))
            else:
                self.remote.collect(here)
        if not told:
            loss = math.nan if self.remote is None else self._last_loss(number)
            self._notify(self.done + end - job.record.epochs, loss)
        return record

    def _job(self, number: int, configuration: Any, epochs: Sequence[int]) -> TrialWork:
        """Return what is to be done; what another configuration came to is dropped."""
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
        """Return the loss of the last epoch of a trial that another process trained."""
        file = folder_of(self.folder.path, self.stage, number) / "history.jsonl"
        lines = file.read_text(encoding="utf-8").splitlines() if file.exists() else []
        return float(json.loads(lines[-1])["loss"]) if lines else math.nan
