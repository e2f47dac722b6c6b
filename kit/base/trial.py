"""One trial: what a method is given, and the training in this process."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from kit.errors import DivergedError
from kit.files import canonical_json, decode_json, write_json
from kit.runs.folder import RunFolder
from kit.runs.names import HISTORY
from kit.runs.trial_records import Score, TrialRecord, TrialWork
from kit.training.checkpointer import Checkpointer


@dataclass(frozen=True)
class Trial:
    """What ``Method.run_trial`` is given.

    Attributes:
        stage: that the trial belongs to.
        number: of the trial in the stage, from 0.
        configuration: as given to ``Context.map_trials`` or ``halve``, but converted to types that
            JSON has: a tuple is a list, a struct a dict.
        epochs: total number to train for, those before the last checkpoint included.
        checkpointer: of the trial; keeps its checkpoint and its history.
    """

    stage: str
    number: int
    configuration: Any
    epochs: int
    checkpointer: Checkpointer


def folder_of(run: Path, stage: str, number: int) -> Path:
    """Return the folder of a trial's checkpoint and history, which need not exist."""
    return run / "trials" / f"{stage}-{number:03d}"


def train(
    job: TrialWork,
    folder: RunFolder,
    run_trial: Callable[[Trial], float | None],
    notify: Callable[[int, float], None] = lambda *_: None,
) -> TrialRecord:
    """Train a trial in this process and return its record, which the run's main process stores.

    Scores before the last one are also written to the trial's folder, beside the checkpoint, so
    that they survive if this process is killed.

    Args:
        job: which trial to train, and for how many epochs.
        folder: of the run.
        run_trial: of the method.
        notify: called with (epoch, loss).
    """
    record = job.record
    trial_folder = folder_of(folder.path, job.stage, record.number)
    interim = trial_folder / "record.json"
    record = _later(record, interim)
    for epochs in job.epochs:
        if epochs <= record.epochs:
            continue
        checkpointer = Checkpointer(
            job.stage,
            folder.spec,
            trial_folder,
            trial_folder / HISTORY,
            notify,
            trial=record.number,
            configuration=canonical_json(record.configuration).decode(),
        )
        trial = Trial(job.stage, record.number, record.configuration, epochs, checkpointer)
        try:
            score = Score(epochs, run_trial(trial))
        except DivergedError:
            score = Score(epochs, None)  # ranks behind any number
        record = msgspec.structs.replace(
            record, scores=(*record.scores, score), seconds=checkpointer.active_seconds
        )
        if epochs != job.epochs[-1]:
            write_json(interim, record)
    return record


def tidy(run: Path, stage: str, number: int) -> None:
    """Remove the checkpoint and the interim record of a trial that is over; keep its history."""
    trial_folder = folder_of(run, stage, number)
    if trial_folder.exists():
        for name in (f"{stage}.checkpoint.pt", "record.json"):
            (trial_folder / name).unlink(missing_ok=True)


def _later(record: TrialRecord, interim: Path) -> TrialRecord:
    """Return the given record, or the one on disk if that has more epochs of the same trial."""
    with suppress(FileNotFoundError, msgspec.MsgspecError):
        stored = decode_json(interim.read_bytes(), TrialRecord)
        if stored.configuration == record.configuration and stored.epochs > record.epochs:
            return stored
    return record
