"""Data files in a task's own folder; after an edit the task must be prepared again."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from kit.files import sha256
from kit.task import Task

# Endings of files in a task's folder that are not data.
NO_DATA = (".md", ".py", ".pyc", ".toml", ".txt")


class File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """The state of a file when data were prepared from it; ``modified`` is in nanoseconds."""

    bytes: int
    modified: int
    sha256: str


def describe(task: Task) -> dict[str, File]:
    """Return the state of the data files in a task's folder, by their paths below it."""
    return {
        file.relative_to(task.folder).as_posix(): File(
            bytes=file.stat().st_size, modified=file.stat().st_mtime_ns, sha256=sha256(file)
        )
        for file in sorted(task.folder.rglob("*"))
        if file.is_file() and file.suffix not in NO_DATA and not file.name.startswith(".")
    }


def changed(task: Task, known: Mapping[str, File]) -> list[str]:
    """Return the names of files whose content has changed; missing files are not reported.

    A file is read only if its time has changed but not its size.
    """
    edited = []
    for name, then in known.items():
        file = task.folder / name
        if not file.is_file():
            continue
        now = file.stat()
        if (now.st_size, now.st_mtime_ns) == (then.bytes, then.modified):
            continue
        if now.st_size != then.bytes or sha256(file) != then.sha256:
            edited.append(name)
    return edited
