"""The runs below a results folder as they stand, from what they and their queues wrote down.

What is written may be out of date, for a killed process writes nothing: whether a run is under way
is told by its locks.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from kit import paths
from kit.files import is_locked
from kit.runs.folder import read_attempt, read_result, read_status
from kit.runs.names import CLAIM, LOCK, RESULT, folders
from kit.runs.records import Attempt, Failure, Status

NAME = re.compile(r"seed-\d+-[0-9a-f]+")
Standing = Literal["queued", "starting", "running", "succeeded", "failed", "cancelled", "stopped"]


@dataclass(frozen=True)
class RunState:
    """Where one run stands.

    Attributes:
        folder: below ``results/runs``.
        state: ``stopped`` if it began, is not under way, and can be resumed.
        status: the last one that the run wrote; None if it wrote none.
        attempt: how a queue last started it.
        failure: class of the failure, where it failed or was cancelled.
        message: a line about that, or about a result that cannot be read.
    """

    folder: Path
    state: Standing
    status: Status | None = None
    attempt: Attempt | None = None
    failure: Failure | None = None
    message: str | None = None

    @property
    def task(self) -> str:
        """The task's name."""
        return self.folder.parts[0]

    @property
    def method(self) -> str:
        """The method's name."""
        return self.folder.parts[1]

    @property
    def kind(self) -> str:
        """Profile and protocol."""
        return self.folder.parts[2]

    @property
    def seed(self) -> int:
        """The seed."""
        return int(self.folder.name.rpartition("-")[0].removeprefix("seed-"))

    @property
    def id(self) -> str:
        """The first digits of the run's id."""
        return self.folder.name.rpartition("-")[2]

    def __str__(self) -> str:
        return f"{self.task} {self.method} seed {self.seed} ({self.kind.replace('-', ', ')})"


def read_states(root: Path | None = None) -> list[RunState]:
    """Return the state of every run below ``results/runs``, in a fixed order."""
    root = root or paths.runs()
    # Others' folders may lie there, too.
    mine = (path for path in folders(root) if NAME.fullmatch(path.name))
    return [read_state(path.relative_to(root), root) for path in mine]


def read_state(folder: Path, root: Path | None = None) -> RunState:
    """Return the state of one run; ``queued`` where nothing has happened yet."""
    path = (root or paths.runs()) / folder
    if not path.is_dir():
        return RunState(folder, "queued")
    status, attempt = read_status(path), read_attempt(path)
    if is_locked(path / LOCK):
        return RunState(folder, "running", status, attempt)
    with suppress(FileNotFoundError):
        try:
            read_result(path / RESULT)
        except ValueError as error:
            return RunState(folder, "stopped", status, attempt, message=f"no valid result: {error}")
        return RunState(folder, "succeeded", status, attempt)
    if is_locked(path / CLAIM):
        return RunState(folder, "starting", status, attempt)
    if attempt and has_failed(attempt, status):
        how: Standing = "cancelled" if attempt.failure == "cancelled" else "failed"
        return RunState(folder, how, status, attempt, attempt.failure, attempt.message)
    if status and status.state == "failed":
        return RunState(folder, "failed", status, attempt, status.failure, status.message)
    if status and status.state == "cancelled":
        return RunState(folder, "cancelled", status, attempt, "cancelled", status.message)
    return RunState(folder, "stopped" if status or attempt else "queued", status, attempt)


def has_failed(attempt: Attempt, status: Status | None) -> bool:
    """Tell whether an attempt ended with a failure, and the run has said nothing since."""
    if not attempt.ended or not attempt.failure:
        return False
    # Both are written in UTC to the second.
    return status is None or status.heartbeat <= attempt.ended
