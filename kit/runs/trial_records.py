"""Scores of a stage's trials: one file of JSON lines for all of them, only ever appended to.

The last line about a trial counts. So that many short trials are cheap, lines are flushed to the
disk a few times a second; a last line that a crash has cut off is dropped when the run resumes.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, Any

import msgspec
from msgspec import Struct

from kit.files import decode_json, sync_folder

SECONDS_BETWEEN_SYNCS = 0.25


class Score(Struct, frozen=True):
    """A trial's score after so many epochs, lower is better; None where it is not a number."""

    epochs: int
    value: float | None


class TrialRecord(Struct, frozen=True, kw_only=True):
    """What a trial has come to.

    Attributes:
        number: of the trial in its stage, from 0.
        configuration: what was trained, of JSON's types; a record of another configuration is not
            taken for the trial's.
        scores: in the order of their epochs.
        seconds: at work, over all its sessions.
    """

    number: int
    configuration: Any
    scores: tuple[Score, ...] = ()
    seconds: float = 0.0

    @property
    def epochs(self) -> int:
        """Up to the last score."""
        return self.scores[-1].epochs if self.scores else 0

    def is_of(self, configuration: Any, epochs: int) -> bool:
        """Tell whether a configuration that is to have so many epochs can go on from here."""
        scored = self.epochs < epochs or any(score.epochs == epochs for score in self.scores)
        return bool(self.configuration == configuration) and scored

    def score(self, epochs: int) -> float | None:
        """Return the score after so many epochs, which it must have."""
        return next(score.value for score in self.scores if score.epochs == epochs)


class TrialWork(Struct, frozen=True):
    """A trial that is to be trained, in words that another process understands.

    Attributes:
        epochs: after each of these it is scored, unless it has been; the last is the end.
        record: what it has come to so far, with its configuration.
    """

    stage: str
    epochs: tuple[int, ...]
    record: TrialRecord


class TrialRecords:
    """The records of a stage, by number, and the file that new ones are added to."""

    def __init__(self, known: dict[int, TrialRecord], stream: IO[bytes]) -> None:
        self._known, self._stream = known, stream
        self._synced, self._lock = time.monotonic(), threading.Lock()

    def get(self, number: int) -> TrialRecord | None:
        """Return what a trial has come to so far, if anything."""
        return self._known.get(number)

    def add(self, record: TrialRecord) -> None:
        """Append a record; it survives this process at once, and a power cut soon after.

        Any thread may call it.

        Raises:
            OSError: the disk is full.
        """
        with self._lock:
            self._stream.write(msgspec.json.encode(record) + b"\n")
            self._stream.flush()
            self._known[record.number] = record
            if time.monotonic() - self._synced >= SECONDS_BETWEEN_SYNCS:
                self.sync()

    def drop(self, number: int) -> None:
        """Forget the record of a trial, which is to be trained anew."""
        del self._known[number]

    def sync(self) -> None:
        """Flush what was added to the disk."""
        os.fsync(self._stream.fileno())
        self._synced = time.monotonic()


def file_of(run: Path, stage: str) -> Path:
    """Return the file of a stage's records in a run's folder."""
    return run / "trials" / f"{stage}.jsonl"


def read(path: Path) -> dict[int, TrialRecord]:
    """Return the records of a file by number, without the line that a crash has torn."""
    return _read(path)[0]


@contextmanager
def opened(path: Path) -> Iterator[TrialRecords]:
    """Open a file to add to for as long as the block runs; only the run's own process may."""
    known, size = _read(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("ab") as stream:
        stream.truncate(size)
        sync_folder(path.parent)
        records = TrialRecords(known, stream)
        yield records
        records.sync()


def _read(path: Path) -> tuple[dict[int, TrialRecord], int]:
    """Return the records, and the bytes of the whole lines at the beginning."""
    known: dict[int, TrialRecord] = {}
    size = 0
    with suppress(FileNotFoundError, msgspec.MsgspecError):
        for line in path.read_bytes().splitlines(keepends=True):
            if not line.endswith(b"\n"):
                break
            record = decode_json(line, TrialRecord)
            known[record.number] = record
            size += len(line)
    return known, size
