"""A run's folder: spec, status, history, result, stage outputs, log."""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from kit import paths
from kit.errors import BusyError, KitError
from kit.files import canonical_json, decode_json, is_locked, locked, write_bytes, write_json
from kit.runs import integrity, ranges
from kit.runs.names import (
    ATTEMPT,
    ATTEMPT_TMP,
    CLAIM,
    DATA,
    HISTORY,
    LOCK,
    LOG,
    RESULT,
    SPEC,
    STATUS,
)
from kit.runs.records import Attempt, Failure, Result, State, Status, decode_result, decode_spec
from kit.spec import RunSpec

# The size of a file that is deleted on a full disk, so that the failure can be written down.
RESERVE_BYTES = 16384
# How long to try for a run's lock: others hold it for an instant to see whether it is free.
LOCK_SECONDS = 0.5


class FolderLostError(KitError):
    """A run's folder was moved or removed while its process was at work."""


def now() -> str:
    """Return the time in UTC, to the second."""
    return datetime.now(UTC).isoformat(timespec="seconds")


def age(moment: str) -> float | None:
    """Return the seconds since what ``now`` returned, none below 0; None if it is no such text."""
    try:
        since = datetime.now(UTC) - datetime.fromisoformat(moment)
    except (TypeError, ValueError):  # without a time zone, or no time
        return None
    return max(0.0, since.total_seconds())


class RunFolder:
    """The folder of one run below ``results/runs``."""

    def __init__(self, spec: RunSpec, root: Path | None = None) -> None:
        self.spec = spec
        self.root = root or paths.runs()
        self.path = self.root / spec.folder
        self._held: os.stat_result | None = None

    @property
    def lock(self) -> Path:
        """Held by the process that is at this run."""
        return self.path / LOCK

    @property
    def history(self) -> Path:
        """One JSON line per epoch."""
        return self.path / HISTORY

    @property
    def log(self) -> Path:
        """What the run printed."""
        return self.path / LOG

    @property
    def result(self) -> Path:
        """The result; its presence and validity mean that the run is done."""
        return self.path / RESULT

    @contextmanager
    def opened(self) -> Iterator[None]:
        """Own the folder for as long as the block runs.

        Raises:
            BusyError: another process is at this run.
        """
        with locked(self.lock, wait=LOCK_SECONDS) as mine:
            if not mine:
                raise BusyError(f"{self.spec} is already running; see 'kit status'")
            for left in self.path.rglob(".*.tmp"):  # left by a process that was killed
                if not left.match(ATTEMPT_TMP):  # that one a queue may be writing now
                    left.unlink()
            self._held = self.lock.stat()
            self.write_spec()
            write_bytes(self._reserve, b"\0" * RESERVE_BYTES)
            try:
                yield
            finally:
                self._held = None
                self._reserve.unlink(missing_ok=True)

    def check_in_place(self) -> None:
        """Look whether the folder that this process has opened is still the one at its path.

        Raises:
            FolderLostError: it was moved or removed; nothing is to be written at its path.
        """
        if self._held is None:
            return
        with suppress(FileNotFoundError):
            if os.path.samestat(self._held, self.lock.stat()):
                return
        raise FolderLostError(
            f"{self.spec}: {self.path} was moved or removed while the run was at work, which ends "
            "here; run it again: it is resumed where the folder is back, and begins anew elsewhere"
        )

    def write_spec(self) -> None:
        """Have the spec in the folder, for the process that makes the run and for readers."""
        with suppress(FileNotFoundError, msgspec.MsgspecError):
            there = decode_spec((self.path / SPEC).read_bytes())
            if canonical_json(there) == canonical_json(self.spec):
                return
        write_json(self.path / SPEC, self.spec)

    def set_status(
        self,
        state: State,
        *,
        stage: str | None = None,
        epoch: int | None = None,
        epochs: int | None = None,
        loss: float | None = None,
        failure: Failure | None = None,
        message: str | None = None,
    ) -> None:
        """Write ``status.json``; on a full disk the reserve is given up for it.

        Raises:
            FolderLostError: the folder that this process has opened is gone.
        """
        self.check_in_place()
        status = Status(
            state=state,
            heartbeat=now(),
            pid=os.getpid(),
            stage=stage,
            epoch=epoch,
            epochs=epochs,
            loss=loss,
            failure=failure,
            message=message,
        )
        try:
            write_json(self.path / STATUS, status)
        except OSError as error:
            if error.errno not in (errno.ENOSPC, errno.EDQUOT) or not self._reserve.exists():
                raise
            self._reserve.unlink()
            write_json(self.path / STATUS, status)

    def status(self) -> Status | None:
        """Return the status, or None where there is none to be read."""
        return read_status(self.path)

    @contextmanager
    def claimed(self) -> Iterator[bool]:
        """Keep other queues away from this run for as long as the block runs; False: one has it."""
        with locked(self.path / CLAIM) as mine:
            yield mine

    def is_claimed(self) -> bool:
        """Tell whether a queue has this run."""
        return is_locked(self.path / CLAIM)

    def is_running(self) -> bool:
        """Tell whether a process is at this run, whoever started it."""
        return is_locked(self.lock)

    def attempt(self) -> Attempt | None:
        """Return how a queue last started it, if one did."""
        return read_attempt(self.path)

    def set_attempt(self, attempt: Attempt) -> None:
        """Write ``engine.json``."""
        write_json(self.path / ATTEMPT, attempt)

    def drop_attempt(self) -> None:
        """Remove ``engine.json``, of an attempt that has come to nothing."""
        (self.path / ATTEMPT).unlink(missing_ok=True)

    def output(self, stage: str) -> dict[str, Any] | None:
        """Return what a finished stage left, or None while it is not finished."""
        try:
            content = (self.path / "stages" / f"{stage}.json").read_bytes()
            return decode_json(content, dict[str, Any])
        except (FileNotFoundError, msgspec.MsgspecError):
            return None

    def set_output(self, stage: str, value: Any) -> None:
        """Mark a stage as finished, with its output."""
        write_json(self.path / "stages" / f"{stage}.json", value)

    def data_digest(self) -> str | None:
        """Return the digest of the data that the run was begun with, if it was."""
        with suppress(FileNotFoundError, msgspec.MsgspecError):
            return decode_json((self.path / DATA).read_bytes(), str)
        return None

    def set_data_digest(self, digest: str) -> None:
        """Note which data the run is made from."""
        write_json(self.path / DATA, digest)

    def drop_progress(self) -> None:
        """Remove what stages and trials left, so that the run begins anew."""
        for kind in ("stages", "trials"):
            shutil.rmtree(self.path / kind, ignore_errors=True)
        self.history.unlink(missing_ok=True)

    @property
    def _reserve(self) -> Path:
        return self.path / ".reserve"


def read_status(folder: Path) -> Status | None:
    """Return the status in a run's folder, or None where there is none to be read."""
    with suppress(FileNotFoundError, msgspec.MsgspecError):
        return decode_json((folder / STATUS).read_bytes(), Status)
    return None


def read_attempt(folder: Path) -> Attempt | None:
    """Return how a queue last started the run of a folder, or None."""
    with suppress(FileNotFoundError, msgspec.MsgspecError):
        return decode_json((folder / ATTEMPT).read_bytes(), Attempt)
    return None


def read_result(path: Path) -> Result:
    """Read a result strictly.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is truncated or was changed, of another schema, has a score that its metric
            cannot have, or is not of the folder it lies in.
    """
    content = path.read_bytes()
    try:
        result = decode_result(content)
    except msgspec.MsgspecError as error:
        raise ValueError(str(error)) from None
    integrity.check(content)
    ranges.check(result.metrics)
    folder = result.spec.folder
    if path.parent.parts[-len(folder.parts) :] != folder.parts:
        raise ValueError(f"it belongs to {folder}")
    return result
