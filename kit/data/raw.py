"""Raw files: what was fetched or brought, checked and kept under ``data/raw/<task>``.

The hash of a file whose published hash is unknown is recorded at first sight and checked from
then on.
"""

from __future__ import annotations

import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

import msgspec

from kit import paths
from kit.data import pages
from kit.errors import DataError, KitError, nearest
from kit.files import md5, replacing, sha256, write_bytes, write_json
from kit.spec import Tier
from kit.task import Source, Task

LOCK = "hashes.json"
CHUNK = 1 << 22


def folder_of(task: Task) -> Path:
    """Return the folder of a task's raw files."""
    return paths.data() / "raw" / task.name


def aside(task: Task, source: Source) -> Path:
    """Return where a file lies that was fetched and is not the right one."""
    return folder_of(task) / f"{source.file}.rejected"


def missing(task: Task, tier: Tier | Literal["precomputed"] = "published") -> list[Source]:
    """Return the raw files of a tier that are not there yet."""
    return [
        source
        for source in task.sources
        if source.tier == tier and not place(task, source).exists()
    ]


def place(task: Task, source: Source) -> Path:
    """Return where a raw file is, or what is taken instead of it; where it belongs if nowhere."""
    names = (source.file, *source.instead)
    found = (folder_of(task) / name for name in names if (folder_of(task) / name).exists())
    return next(found, folder_of(task) / source.file)


def import_files(
    task: Task, files: Sequence[Path], progress: Callable[[int, int], None] = lambda *_: None
) -> list[Path]:
    """Copy files that the user brought into the raw folder, each checked, none partial.

    A file is recognised by its name.

    Raises:
        KitError: a file is not one of the task's.
        DataError: a file has the wrong size or hash, or differs from the one first seen.
    """
    sources = {source.file: source for source in task.sources}
    for file in files:
        if file.name not in sources:
            hint = nearest(file.name, sources)
            raise KitError(f"{file} is not a raw file of {task.name}{hint}")
        kind = "folder" if sources[file.name].folder else "file"
        if not (file.is_dir() if sources[file.name].folder else file.is_file()):
            raise KitError(f"{file}: no such {kind}")
    return [_import(task, sources[file.name], file, progress) for file in files]


def check(task: Task) -> dict[str, str]:
    """Return each raw file's state: ``ok``, ``missing``, or what is wrong with it."""
    return {source.file: _state(task, source) for source in task.sources}


def _state(task: Task, source: Source) -> str:
    file = folder_of(task) / source.file
    if not file.exists():
        return "missing"
    if source.size is not None and not source.folder and file.stat().st_size != source.size:
        return "size differs"
    if source.md5 is not None and md5(file) != source.md5:
        return "hash differs"
    found, wanted = digest(file), expected(task, source)
    if wanted is None:
        record(task, source, found)
    return "ok" if wanted in (None, found) else "hash differs"


def expected(task: Task, source: Source) -> str | None:
    """Return the SHA-256 that a raw file must have: as published, else as first seen."""
    return source.sha256 or _seen(task).get(source.file)


def mismatch(task: Task, source: Source, file: Path, found: str) -> str | None:
    """Say what is wrong with a raw file's hashes, and how to go on; None if they are as expected.

    Args:
        task: whose file.
        source: what it must be.
        file: where it is now.
        found: its SHA-256.
    """
    if source.md5 is not None and (own := md5(file)) != source.md5:
        return f"MD5 is {own} instead of {source.md5}"
    wanted = expected(task, source)
    if wanted in (None, found):
        return None
    if source.sha256 is not None:
        return f"SHA-256 is {found} instead of {wanted}"
    lock = folder_of(task) / LOCK
    return (
        f"SHA-256 is {found}, but {wanted} was seen first; if this one is right, remove "
        f"{source.file!r} from {lock}"
    )


def record(task: Task, source: Source, found: str) -> None:
    """Keep the SHA-256 of a raw file that passed all checks, to be expected from now on.

    What was rejected in its place is removed.
    """
    write_json(folder_of(task) / LOCK, _seen(task) | {source.file: found})
    aside(task, source).unlink(missing_ok=True)


def is_page(file: Path) -> bool:
    """Tell whether a file is a web page (a login, a quota, a confirmation) posing as data."""
    with file.open("rb") as stream:
        return pages.is_page(stream.read(512))


def digest(path: Path) -> str:
    """Return the SHA-256 of a file, or of a folder over its files' names and hashes."""
    if path.is_file():
        return sha256(path)
    lines = [
        f"{file.relative_to(path).as_posix()} {sha256(file)}\n"
        for file in sorted(path.rglob("*"))
        if file.is_file()
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def _import(task: Task, source: Source, file: Path, progress: Callable[[int, int], None]) -> Path:
    target = folder_of(task) / source.file
    if source.folder:
        return _import_folder(task, source, file)
    size = file.stat().st_size
    if is_page(file):
        raise DataError(f"{file} is a web page, not data; download the file that it leads to")
    if source.size is not None and size != source.size:
        raise DataError(f"{file}: {size} bytes, but {source.file} has {source.size}")
    running, done = hashlib.sha256(), 0
    with file.open("rb") as stream, replacing(target) as copy:
        while block := stream.read(CHUNK):
            copy.write(block)
            running.update(block)
            done += len(block)
            progress(done, size)
        found = running.hexdigest()
        if problem := mismatch(task, source, file, found):
            raise DataError(f"{file}: {problem}")
    record(task, source, found)
    return target


def _import_folder(task: Task, source: Source, folder: Path) -> Path:
    target = folder_of(task) / source.file
    found = digest(folder)
    if problem := mismatch(task, source, folder, found):
        raise DataError(f"{folder}: {problem}")
    fresh = target.with_name(f".{target.name}.new")
    shutil.rmtree(fresh, ignore_errors=True)
    for file in sorted(folder.rglob("*")):
        if file.is_file():
            write_bytes(fresh / file.relative_to(folder), file.read_bytes())
    shutil.rmtree(target, ignore_errors=True)
    fresh.rename(target)
    record(task, source, found)
    return target


def _seen(task: Task) -> dict[str, str]:
    try:
        return msgspec.json.decode((folder_of(task) / LOCK).read_bytes(), type=dict[str, str])
    except FileNotFoundError:
        return {}
    except msgspec.MsgspecError as error:
        lock = folder_of(task) / LOCK
        raise DataError(f"{lock}: {error}; remove it to have all hashes recorded anew") from None
