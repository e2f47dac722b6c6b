"""Raw files, fetched or imported by the user, checked and kept under ``data/raw/<task>``.

If the published hash of a file is unknown, its hash is recorded when it arrives, and pinned once
data are prepared from it: from then on a file with another hash is refused.
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
# Copies that were interrupted.
HALF = (".*.new", ".*.tmp")
CHUNK = 1 << 22
Link = Literal["copy", "hard", "reference"]


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


def import_files(
    task: Task, files: Sequence[Path], progress: Callable[[int, int], None] = lambda *_: None
) -> list[Path]:
    """Check files of the user and copy them to the raw folder; they are recognised by their names.

    Args:
        task: the task whose raw files they are.
        files: the user's files or folders.
        progress: called with (done, total) bytes of one file.

    Returns:
        The copies.

    Raises:
        KitError: a file does not exist or is not one of the task's.
        DataError: a file has a wrong size or hash, or differs from the one that data were
            prepared from.
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


def take(
    task: Task,
    source: Source,
    path: Path,
    *,
    link: Link = "copy",
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Path:
    """Check a file or folder of the user, and copy or link it to the raw folder as a whole.

    Args:
        task: the task whose raw file it is.
        source: the raw file that it is taken as; given by ``form`` for another form.
        path: the user's file or folder.
        link: ``copy``; ``hard`` for hard links; ``reference`` for a symbolic link.
        progress: called with (done, total) bytes.

    Returns:
        The path in the raw folder.

    Raises:
        DataError: the folder is empty, the file has a wrong size or hash, differs from the one that
            data were prepared from, or cannot be linked to.
    """
    target = folder_of(task) / source.file
    if path.is_dir() and not any(each.is_file() for each in path.rglob("*")):
        raise DataError(f"{path}: a folder without files")
    if not source.folder and (problem := unfit(source, path)):
        raise DataError(f"{path}: {problem}")
    if link == "copy" and not source.folder:
        actual = _copy(task, source, path, target, progress)
    else:
        actual = digest(path)
        if problem := mismatch(task, source, path, actual):
            raise DataError(f"{path}: {problem}")
        _place(path, target, link)
    arrived(task, source, actual)
    return target


def _copy(
    task: Task, source: Source, path: Path, target: Path, progress: Callable[[int, int], None]
) -> str:
    """Copy a file and return its SHA-256; the file is read once for both."""
    running, done, size = hashlib.sha256(), 0, path.stat().st_size
    with path.open("rb") as stream, replacing(target) as copy:
        while block := stream.read(CHUNK):
            copy.write(block)
            running.update(block)
            done += len(block)
            progress(done, size)
        actual = running.hexdigest()
        if problem := mismatch(task, source, path, actual):
            raise DataError(f"{path}: {problem}")
    return actual


def _place(path: Path, target: Path, link: Link) -> None:
    """Copy or link a folder, or link a file, to the path of a raw file, by a rename at the end."""
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
    """Make ``target`` a hard link to a file.

    Raises:
        DataError: the file system does not allow it.
    """
    try:
        target.hardlink_to(path.resolve())
    except OSError as error:
        if error.errno not in (errno.EXDEV, errno.EPERM, errno.EMLINK, errno.EOPNOTSUPP):
            raise
        raise DataError(
            f"{path} lies where no hard link can lead to; take --link reference, or a copy"
        ) from None


def half_taken(task: Task) -> list[Path]:
    """Return the partial copies that an interrupted import has left."""
    home = folder_of(task)
    names = (name for source in task.sources for name in (source.file, *source.instead))
    folders = sorted({(home / name).parent for name in names})
    return [path for each in folders for pattern in HALF for path in sorted(each.glob(pattern))]


def remove(path: Path) -> None:
    """Remove a file, a link or a folder, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


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
