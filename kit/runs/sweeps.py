"""Sweeps under way on a results folder: which queues are at work, and on what.

A queue writes ``results/sweeps/<pid>.json`` and holds the lock beside it for as long as it lives.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import msgspec

from kit import paths
from kit.files import is_locked, locked, write_json
from kit.runs.folder import now


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
    pid = os.getpid()
    file = _folder() / f"{pid}.json"
    sweep = Sweep(pid=pid, engine=engine, started=now(), places=places, runs=tuple(runs))
    with locked(_lock(file)):
        write_json(file, sweep)
        try:
            yield
        finally:
            file.unlink(missing_ok=True)


def live() -> list[Sweep]:
    """Return the sweeps under way; what killed ones left behind is removed."""
    found = []
    for file in sorted(_folder().glob("*.json")):
        if is_locked(_lock(file)):
            found.append(msgspec.json.decode(file.read_bytes(), type=Sweep))
            continue
        with locked(_lock(file)) as mine:
            if mine:
                file.unlink(missing_ok=True)
    return found


def _folder() -> Path:
    return paths.results() / "sweeps"


def _lock(file: Path) -> Path:
    return file.with_suffix(".lock")
