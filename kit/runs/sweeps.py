"""Sweeps under way on a results folder: which queues are at work, and on what.

A queue writes ``results/sweeps/<pid>.json`` and holds the lock beside it for as long as it lives.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

import msgspec

from kit import paths
from kit.files import decode_json, is_locked, locked, write_json
from kit.runs.folder import now
from kit.runs.names import ATTEMPT_TMP, CLAIM, files


class PlannedHours(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A run of a sweep, by its folder below ``results/runs``, and how long it should take."""

    folder: str
    hours: float | None
    gpus: int = 1


class Sweep(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One queue at work.

    Attributes:
        places: how many runs it can have at a time.
        runs: all that it was asked for, in no particular order.
    """

    pid: int
    engine: str
    started: str
    places: int
    runs: tuple[PlannedHours, ...]


@contextmanager
def registered(engine: str, places: int, runs: Sequence[PlannedHours]) -> Iterator[None]:
    """Let others know of this process's sweep for as long as the block runs."""
    tidy()
    pid = os.getpid()
    file = _folder() / f"{pid}.json"
    sweep = Sweep(pid=pid, engine=engine, started=now(), places=places, runs=tuple(runs))
    with locked(lock(pid)) as mine:
        if not mine:  # a sweep of another machine has this number, and is the one that is shown
            yield
            return
        write_json(file, sweep)
        try:
            yield
        finally:
            file.unlink(missing_ok=True)


def live() -> list[Sweep]:
    """Return the sweeps under way."""
    found = []
    for file in sorted(_folder().glob("*.json")):
        if file.stem.isdecimal() and is_locked(lock(int(file.stem))):
            # It ends at this moment, or somebody else wrote the file.
            with suppress(FileNotFoundError, msgspec.MsgspecError):
                found.append(decode_json(file.read_bytes(), Sweep))
    return found


def tidy() -> None:
    """Remove what killed queues left behind: locks that nobody holds, half-written files."""
    for pattern in ("*.json", ".*.tmp", "*.lock"):
        for file in _folder().glob(pattern):
            pid = file.name.strip(".").partition(".")[0]
            if not pid.isdecimal():
                continue
            with locked(lock(int(pid))) as mine:  # which removes the lock itself
                if mine and pattern != "*.lock":
                    file.unlink(missing_ok=True)
    runs = paths.runs()
    for file in files(runs, ATTEMPT_TMP):
        with locked(file.with_name(CLAIM)) as mine:
            if mine:
                file.unlink(missing_ok=True)
    for file in files(runs, "*.lock"):
        with locked(file):  # which removes it, if nobody else holds it
            pass


def lock(pid: int) -> Path:
    """Return the lock that the sweep of a process holds."""
    return _folder() / f"{pid}.lock"


def _folder() -> Path:
    return paths.results() / "sweeps"
