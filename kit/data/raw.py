"""Raw files: what was fetched or brought, checked and kept under ``data/raw/<task>``.

The hash of a file whose published hash is unknown is noted when it arrives, and pinned once data
were prepared from it: from then on no other file is taken in its place.
"""

from __future__ import annotations

import errno
import hashlib
import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Literal

import msgspec

from kit import paths
from kit.data import formats
from kit.errors import DataError, KitError, nearest
from kit.files import decode_json, md5, replacing, sha256, write_bytes, write_json
from kit.task import Holding, Source, Task

# Hashes of files that data were prepared from, and of those that only arrived.
PINNED, ARRIVED = "hashes.json", "arrived.json"
# Copies that did not become whole.
HALF = (".*.new", ".*.tmp")
CHUNK = 1 << 22
Link = Literal["copy", "hard", "reference"]


def folder_of(task: Task) -> Path:
    """Return the folder of a task's raw files."""
    return paths.data() / "raw" / task.name


def aside(task: Task, source: Source) -> Path:
    """Return where a file lies that was fetched and is not the right one."""
    return folder_of(task) / f"{source.file}.rejected"


def missing(task: Task, tier: Holding = "published") -> list[Source]:
    """Return the raw files of a tier that are not there yet."""
    return [
        source
        for source in task.sources
        if source.tier == tier and not place(task, source).exists()
    ]


def place(task: Task, source: Source) -> Path:
    """Return where a raw file is, or what is taken instead of it; where it belongs if nowhere."""
    places = [folder_of(task) / name for name in (source.file, *source.instead)]
    there = (path for path in places if path.exists())
    dangling = (path for path in places if path.is_symlink())
    return next(there, next(dangling, places[0]))


def import_files(
    task: Task, files: Sequence[Path], progress: Callable[[int, int], None] = lambda *_: None
) -> list[Path]:
    """Copy files that the user brought into the raw folder, each checked, none partial.

    A file is recognised by its name.

    Raises:
        KitError: a file is not one of the task's.
        DataError: a file has the wrong size or hash, or differs from the one first seen.
    """
    sources = {Path(source.file).name: source for source in reversed(task.sources)}
    for file in files:
        if file.name not in sources:
            hint = nearest(file.name, sources)
            raise KitError(f"{file} is not a raw file of {task.name}{hint}")
        kind = "folder" if sources[file.name].folder else "file"
        if not (file.is_dir() if sources[file.name].folder else file.is_file()):
            raise KitError(f"{file}: no such {kind}")
    return [take(task, sources[file.name], file, progress=progress) for file in files]


def check(task: Task) -> dict[str, str]:
    """Return each raw file's state: ``ok``, ``missing``, or what is wrong with it."""
    return {source.file: _state(task, source) for source in task.sources}


def _state(task: Task, source: Source) -> str:
    file = place(task, source)
    if not file.exists():
        return f"refers to {file.readlink()}, which is gone" if file.is_symlink() else "missing"
    source = form(source, file.relative_to(folder_of(task)).as_posix(), file)
    if source.size is not None and not source.folder and file.stat().st_size != source.size:
        return "size differs"
    if source.md5 is not None and md5(file) != source.md5:
        return "hash differs"
    found = digest(file)
    wanted = expected(task, source) or _hashes(task, ARRIVED).get(source.file)
    if wanted is None:
        arrived(task, source, found)
    return "ok" if wanted in (None, found) else "hash differs"


def form(source: Source, name: str, path: Path) -> Source:
    """Return what is known of a source where it is there under another name, as another form."""
    if name == source.file:
        return source
    return replace(source, file=name, folder=path.is_dir(), size=None, sha256=None, md5=None)


def expected(task: Task, source: Source) -> str | None:
    """Return the SHA-256 that a raw file must have: as published, else as data were made from."""
    return source.sha256 or _hashes(task, PINNED).get(source.file)


def mismatch(task: Task, source: Source, file: Path, found: str) -> str | None:
    """Say what is wrong with a raw file's hashes, and how to go on; None if they are as expected.

    Args:
        task: named in the advice on how to go on.
        source: the size and hashes that it must have.
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
    return (
        f"SHA-256 is {found}, but data were prepared from {wanted}; if this one is right, "
        f"'kit data clean {task.name}' forgets the other"
    )


def unfit(source: Source, file: Path) -> str | None:
    """Say why a file plainly is not the wanted one, without hashing it; None if it may be.

    Args:
        source: what it must be; where its hash is published, that decides about its form.
        file: where it is now.
    """
    name = "" if source.sha256 or source.md5 else source.file
    size = file.stat().st_size
    if problem := formats.rejection(file, name):
        return problem
    if source.size is not None and size != source.size:
        return f"{size} bytes, but {source.file} has {source.size}"
    return None


def arrived(task: Task, source: Source, found: str) -> None:
    """Note the SHA-256 of a raw file that came whole; what was rejected in its place is removed."""
    write_json(folder_of(task) / ARRIVED, _hashes(task, ARRIVED) | {source.file: found})
    aside(task, source).unlink(missing_ok=True)


def pin(task: Task, tier: Holding) -> None:
    """Expect the raw files of a tier from now on to be those that data were just prepared from."""
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
    """Return the SHA-256 of a file, or of a folder over its files' names and hashes."""
    if path.is_file():
        return sha256(path)
    lines = [
        f"{file.relative_to(path).as_posix()} {sha256(file)}\n"
        for file in sorted(path.rglob("*"))
        if file.is_file()
    ]
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def take(
    task: Task,
    source: Source,
    path: Path,
    *,
    link: Link = "copy",
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Path:
    """Have a file or folder of the user as a raw file, checked, whole or not at all.

    Args:
        task: into whose raw folder the file goes.
        source: what it is taken as (``form`` for another form).
        path: the user's file or folder.
        link: a ``copy``, ``hard`` links to the same bytes, or a ``reference`` to where it lies.
        progress: called with (done, total) bytes.

    Raises:
        DataError: it is an empty folder, has the wrong size or hash, differs from the one first
            seen, or cannot be linked to.
    """
    target = folder_of(task) / source.file
    if path.is_dir() and not any(each.is_file() for each in path.rglob("*")):
        raise DataError(f"{path}: a folder without files")
    if not source.folder and (problem := unfit(source, path)):
        raise DataError(f"{path}: {problem}")
    if link == "copy" and not source.folder:
        found = _copy(task, source, path, target, progress)
    else:
        found = digest(path)
        if problem := mismatch(task, source, path, found):
            raise DataError(f"{path}: {problem}")
        _place(path, target, link)
    arrived(task, source, found)
    return target


def _copy(
    task: Task, source: Source, path: Path, target: Path, progress: Callable[[int, int], None]
) -> str:
    """Copy a file and return its SHA-256; it is read once."""
    running, done, size = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as stream, replacing(target) as copy:
        while block := stream.read(CHUNK):
            copy.write(block)
            running.update(block)
            done += len(block)
            progress(done, size)
        found = running.hexdigest()
        if problem := mismatch(task, source, path, found):
            raise DataError(f"{path}: {problem}")
    return found


def _place(path: Path, target: Path, link: Link) -> None:
    """Put a folder, links or a reference where a raw file belongs, by a rename."""
    fresh = target.with_name(f".{target.name}.new")
    remove(fresh)
    target.parent.mkdir(parents=True, exist_ok=True)
    if link == "reference":
        fresh.symlink_to(path.absolute(), target_is_directory=path.is_dir())
    elif path.is_dir():
        for file in sorted(path.rglob("*")):
            if file.is_file():
                copy = fresh / file.relative_to(path)
                copy.parent.mkdir(parents=True, exist_ok=True)
                _link(file, copy) if link == "hard" else write_bytes(copy, file.read_bytes())
    else:
        _link(path, fresh)
    if target.is_dir() or target.is_symlink():
        remove(target)
    fresh.rename(target)


def _link(path: Path, target: Path) -> None:
    try:
        target.hardlink_to(path.resolve())
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP):
            raise
        raise DataError(
            f"{path} lies where no hard link can lead to; take --link reference, or a copy"
        ) from None


def half_taken(task: Task) -> list[Path]:
    """Return what a process left that was killed while it took files of the user."""
    home = folder_of(task)
    names = (name for source in task.sources for name in (source.file, *source.instead))
    folders = sorted({(home / name).parent for name in names})
    return [path for each in folders for pattern in HALF for path in sorted(each.glob(pattern))]


def remove(path: Path) -> None:
    """Remove a file, a link or a folder, which need not be there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def _hashes(task: Task, name: str) -> dict[str, str]:
    file = folder_of(task) / name
    try:
        return decode_json(file.read_bytes(), dict[str, str])
    except FileNotFoundError:
        return {}
    except msgspec.MsgspecError as error:
        raise DataError(f"{file}: {error}; remove it to have all hashes noted anew") from None
