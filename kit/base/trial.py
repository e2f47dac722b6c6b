"""One trial: what a method is given of it, and its training in this process."""

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
from kit.runs.trial_records import Score, TrialRecord, TrialWork
from kit.training.checkpointer import Checkpointer


@dataclass(frozen=True)
class Trial:
    """What ``Method.run_trial`` is given.

    Attributes:
        stage: whose trial it is.
        number: of it in the stage, from 0.
        configuration: as it was handed to ``Context.map_trials`` or ``halve``, but of the types
            that JSON has: a tuple is a list, a struct a dict.
        epochs: to train up to in all, from the checkpoint on if there is one.
        checkpointer: of the trial; keeps its checkpoint and its history.
    """

    stage: str
    number: int
    configuration: Any
    epochs: int
    checkpointer: Checkpointer


def folder_of(run: Path, stage: str, number: int) -> Path:
    """Return where a trial keeps its checkpoint and history; it is there if the trial has any."""
    return run / "trials" / f"{stage}-{number:03d}"


def train(
    job: TrialWork,
    folder: RunFolder,
    run_trial: Callable[[Trial], float | None],
    notify: Callable[[int, float], None] = lambda *_: None,
) -> TrialRecord:
    """Train a trial in this process and return its record, which the run's own process keeps.

    Scores before the last one are left in the trial's own folder, beside the checkpoint that goes
    on from them: whoever trained it may be lost.

    Args:
        job: which trial, and how far.
        folder: of the run.
        run_trial: the method's.
        notify: called with (epoch, loss).
    """
    record = job.record
    own = folder_of(folder.path, job.stage, record.number)
    interim = own / "record.json"
    record = _later(record, interim)
    for epochs in job.epochs:
        if epochs <= record.epochs:
            continue
        checkpointer = Checkpointer(
            job.stage,
            folder.spec,
            own,
            own / "history.jsonl",
            notify,
            trial=record.number,
            configuration=canonical_json(record.configuration).decode(),
        )
        trial = Trial(job.stage, record.number, record.configuration, epochs, checkpointer)
        try:
            score = Score(epochs, run_trial(trial))
        except DivergedError:
            score = Score(epochs, None)  # which loses against any number
        record = msgspec.structs.replace(
            record, scores=(*record.scores, score), seconds=checkpointer.active_seconds
        )
        if epochs != job.epochs[-1]:
            write_json(interim, record)
    return record


def tidy(run: Path, stage: str, number: int) -> None:
    """Remove what a trial would go on from, once it will not; its history stays."""
    own = folder_of(run, stage, number)
    if own.exists():
        for name in (f"{stage}.checkpoint.pt", "record.json"):
            (own / name).unlink(missing_ok=True)


def _later(record: TrialRecord, interim: Path) -> TrialRecord:
    """Return the record with more scores of the same trial, the given or the one on disk."""
    with suppress(FileNotFoundError, msgspec.MsgspecError):
        other = decode_json(interim.read_bytes(), TrialRecord)
        if other.configuration == record.configuration and other.epochs > record.epochs:
            return other
    return record
