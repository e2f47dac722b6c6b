"""Merging: the runs of another machine's archive join those here, all that are new or none."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from kit import paths
from kit.data.archives import LIMIT, unpack
from kit.errors import BusyError, DataError, KitError
from kit.files import locked, sync_folder
from kit.results.verify import Verified, files_of, verify
from kit.runs.names import RESULT

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Merged:
    """The folders that came and those whose very result was here already."""

    new: list[Path]
    known: list[Path]


@contextmanager
def unpacked(
    archive: Path, home: Path, *, limit: int = LIMIT, progress: Progress = lambda *_: None
) -> Iterator[tuple[Path, Verified]]:
    """Unpack the runs of an archive below a folder; yields (folder of runs, what is in it).

    It is gone when the block ends. Every run in it is whole, and it holds no file that belongs to
    none.

    Raises:
        DataError: the archive is damaged, has a member that is no plain file below it or more
            bytes than the limit, holds no runs, or one of them has a problem.
        BusyError: another process is at it.
    """
    with locked(home / ".merge.lock") as mine:
        if not mine:
            raise BusyError(f"another merge is under way in {home}; wait for its end")
        staging = home / "merging"
        shutil.rmtree(staging, ignore_errors=True)  # by a process that was killed
        try:
            unpack(
                archive,
                staging,
                limit=limit,
                wanted=lambda name: name.startswith("runs/"),
                progress=progress,
            )
            yield staging / "runs", _checked(archive, staging / "runs")
        finally:
            shutil.rmtree(staging, ignore_errors=True)


def merge(archive: Path, *, limit: int = LIMIT, progress: Progress = lambda *_: None) -> Merged:
    """Take over the runs of an archive; nothing here is ever overwritten.

    Each run appears by one rename, so that after a kill every run is whole or absent, and the
    same command brings the rest.

    Raises:
        DataError: as ``unpacked``.
        KitError: a run is here already, unfinished or with another result; nothing was merged.
    """
    home = paths.results()  # beside the runs, so that renames will do
    with unpacked(archive, home, limit=limit, progress=progress) as (staging, found):
        runs = home / "runs"
        new, known, conflicts = list[Path](), list[Path](), list[str]()
        for place, result in found.whole.items():
            if not (runs / place).exists():
                new.append(place)
            elif _same(runs / place, staging / place):
                known.append(place)
            else:
                here = (runs / place / RESULT).exists()
                what = "with another result" if here else "unfinished"
                conflicts.append(f"run {result.spec.id[:8]} ({result.spec}) is here {what}")
        if conflicts:
            more = f", and {len(conflicts) - 1} more" if conflicts[1:] else ""
            raise KitError(
                f"{archive}: {conflicts[0]}{more}; nothing was merged. "
                f"Move what is here out of {runs} to take the other"
            )
        os.sync()  # what is renamed must be on disk before its name is
        for place in new:
            (runs / place).parent.mkdir(parents=True, exist_ok=True)
            (staging / place).rename(runs / place)
            sync_folder((runs / place).parent)
        return Merged(new, known)


def _checked(archive: Path, runs: Path) -> Verified:
    found = verify(runs)
    if found.problems:
        more = f", and {len(found.problems) - 1} more" if found.problems[1:] else ""
        raise DataError(f"{archive}: {found.problems[0]}{more}")
    if not found.whole:
        raise DataError(f"{archive} holds no runs; 'kit results pack' makes such an archive")
    expected = {
        file for place, each in found.whole.items() for file in files_of(runs / place, each)
    }
    odd = sorted(file for file in runs.rglob("*") if file.is_file() and file not in expected)
    if odd:
        name = odd[0].relative_to(runs).as_posix()
        raise DataError(f"{archive}: {name!a:.200} belongs to no run")
    return found


def _same(here: Path, there: Path) -> bool:
    try:
        return (here / RESULT).read_bytes() == (there / RESULT).read_bytes()
    except FileNotFoundError:
        return False
