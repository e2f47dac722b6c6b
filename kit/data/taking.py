"""Taking raw files over from the user: checked, then copied or linked as a whole."""

from __future__ import annotations

import errno
import hashlib
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Literal

from kit.data import raw
from kit.errors import DataError, KitError, nearest
from kit.files import check_plain, replacing, write_bytes
from kit.task import Source, Task

# Copies that were interrupted.
HALF = (".*.new", ".*.tmp")
CHUNK = 1 << 22
Link = Literal["copy", "hard", "reference"]


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
        source: the raw file that it is taken as; given by ``raw.form`` for another form.
        path: the user's file or folder.
        link: ``copy``; ``hard`` for hard links; ``reference`` for a symbolic link.
        progress: called with (done, total) bytes.

    Returns:
        The path in the raw folder.

    Raises:
        DataError: the folder is empty, the file has a wrong size or hash, differs from the one that
            data were prepared from, or cannot be linked to.
    """
    target = raw.folder_of(task) / source.file
    check_plain(path)
    if path.is_dir() and not any(each.is_file() for each in path.rglob("*")):
        raise DataError(f"{path}: a folder without files")
    if not source.folder and (problem := raw.unfit(source, path)):
        raise DataError(f"{path}: {problem}")
    if link == "copy" and not source.folder:
        actual = _copy(task, source, path, target, progress)
    else:
        actual = raw.digest(path)
        if problem := raw.mismatch(task, source, path, actual):
            raise DataError(f"{path}: {problem}")
        _place(path, target, link)
    raw.arrived(task, source, actual)
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
        if problem := raw.mismatch(task, source, path, actual):
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
    home = raw.folder_of(task)
    names = (name for source in task.sources for name in (source.file, *source.instead))
    folders = sorted({(home / name).parent for name in names})
    return [path for each in folders for pattern in HALF for path in sorted(each.glob(pattern))]


def remove(path: Path) -> None:
    """Remove a file, a link or a folder, if it exists."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
