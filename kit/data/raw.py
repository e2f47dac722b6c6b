"""Raw files, fetched or imported by the user, checked and kept under ``data/raw/<task>``.

If the published hash of a file is unknown, its hash is recorded when it arrives, and pinned once
data are prepared from it: from then on a file with another hash is refused.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from pathlib import Path

import msgspec

from kit import paths
from kit.data import formats
from kit.errors import DataError
from kit.files import decode_json, md5, sha256, write_json
from kit.task import Holding, Source, Task

# Hashes of files that data were prepared from, and of those that only arrived.
PINNED, ARRIVED = "hashes.json", "arrived.json"


def folder_of(task: Task) -> Path:
    """Return the folder of a task's raw files."""
    return paths.data() / "raw" / task.name


def aside(task: Task, source: Source) -> Path:
    """Return the path under which a fetched file is kept that is not the right one."""
    return folder_of(task) / f"{source.file}.rejected"


def missing(task: Task, tier: Holding = "published") -> list[Source]:
    """Return the raw files of a tier that do not exist here."""
    return [
        source
        for source in task.sources
        if source.tier == tier and not place(task, source).exists()
    ]


def place(task: Task, source: Source) -> Path:
    """Return the path of a raw file, or of another form that may replace it.

    If neither exists, this is a broken link to one of them, else the path where the file belongs.
    """
    places = [folder_of(task) / name for name in (source.file, *source.instead)]
    existing = (path for path in places if path.exists())
    broken = (path for path in places if path.is_symlink())
    return next(existing, next(broken, places[0]))


def check(task: Task) -> dict[str, str]:
    """Return the state of each raw file by its name: ``ok``, ``missing``, or what is wrong."""
    return {source.file: _state(task, source) for source in task.sources}


def _state(task: Task, source: Source) -> str:
    """Return the state of a raw file; an unknown hash is recorded."""
    file = place(task, source)
    if not file.exists():
        return f"refers to {file.readlink()}, which is gone" if file.is_symlink() else "missing"
    source = form(source, file.relative_to(folder_of(task)).as_posix(), file)
    if source.size is not None and not source.folder and file.stat().st_size != source.size:
        return "size differs"
    if source.md5 is not None and md5(file) != source.md5:
        return "hash differs"
    actual = digest(file)
    wanted = expected(task, source) or _hashes(task, ARRIVED).get(source.file)
    if wanted is None:
        arrived(task, source, actual)
    return "ok" if wanted in (None, actual) else "hash differs"


def form(source: Source, name: str, path: Path) -> Source:
    """Return a source as another form of it is described: named ``name``, without size and hashes.

    Args:
        source: the source; returned unchanged if ``name`` is its own name.
        name: the form's path below the raw folder.
        path: the form itself, a file or a folder.
    """
    if name == source.file:
        return source
    return replace(source, file=name, folder=path.is_dir(), size=None, sha256=None, md5=None)


def expected(task: Task, source: Source) -> str | None:
    """Return the SHA-256 that a raw file must have: the published or the pinned one, else None."""
    return source.sha256 or _hashes(task, PINNED).get(source.file)


def mismatch(task: Task, source: Source, file: Path, found: str) -> str | None:
    """Return what is wrong with a raw file's hashes, and what to do; None if they are as expected.

    Args:
        task: the task whose file it is.
        source: has the published hashes.
        file: the file to check.
        found: its SHA-256.
    """
    if source.md5 is not None and (actual := md5(file)) != source.md5:
        return f"MD5 is {actual} instead of {source.md5}"
    wanted = expected(task, source)
    if wanted in (None, found):
        return None
    if source.sha256 is not None:
        return f"SHA-256 is {found} instead of {wanted}"
    return (
        f"SHA-256 is {found}, but data were prepared from {wanted}; if this one is right, "
        f"'kit data clean {task.name}' forgets the other"
    )


def unfit(source: Source, file: Path) -> str | None:
    """Return why a file cannot be the wanted one, by its size and format; None if it may be.

    Args:
        source: the wanted file; if its hash is published, its format is not checked.
        file: the file to check.
    """
    name = "" if source.sha256 or source.md5 else source.file
    size = file.stat().st_size
    if problem := formats.rejection(file, name):
        return problem
    if source.size is not None and size != source.size:
        return f"{size} bytes, but {source.file} has {source.size}"
    return None


def arrived(task: Task, source: Source, found: str) -> None:
    """Record the SHA-256 of a raw file that arrived, and remove a file rejected before."""
    write_json(folder_of(task) / ARRIVED, _hashes(task, ARRIVED) | {source.file: found})
    aside(task, source).unlink(missing_ok=True)


def pin(task: Task, tier: Holding) -> None:
    """Pin the hashes of a tier's raw files, from which data were just prepared.

    Published SHA-256s need no pin.
    """
    pinned: dict[str, str] = {}
    for source in task.sources:
        path = place(task, source)
        name = path.relative_to(folder_of(task)).as_posix()
        known = source.sha256 is not None and name == source.file
        if source.tier == tier and not known and name not in pinned and path.exists():
            pinned[name] = digest(path)
    if pinned:
        write_json(folder_of(task) / PINNED, _hashes(task, PINNED) | pinned)


def digest(path: Path) -> str:
    """Return the SHA-256 of a file; that of a folder is over the names and hashes of its files."""
    if path.is_file():
        return sha256(path)
    lines = [
        f"{file.relative_to(path).as_posix()} {sha256(file)}\n"
        for file in sorted(path.rglob("*"))
        if file.is_file()
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _hashes(task: Task, name: str) -> dict[str, str]:
    """Return the hashes recorded in a file, by names of raw files; empty if it does not exist.

    Raises:
        DataError: the file is damaged.
    """
    file = folder_of(task) / name
    try:
        return decode_json(file.read_bytes(), dict[str, str])
    except FileNotFoundError:
        return {}
    except msgspec.MsgspecError as error:
        raise DataError(f"{file}: {error}; remove it to have all hashes noted anew") from None
