"""Data that lie in a task's own folder, beside its code: whoever edits them prepares again."""

from __future__ import annotations

from collections.abc import Mapping

from msgspec import Struct

from kit.files import sha256
from kit.task import Task

# What else a task's folder holds.
NO_DATA = (".md", ".py", ".pyc", ".toml", ".txt")


class File(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A file as it was when data were prepared from it; ``modified`` in nanoseconds."""

    bytes: int
    modified: int
    sha256: str


def describe(task: Task) -> dict[str, File]:
    """Return the data files in a task's folder, by their paths below it."""
    return {
        file.relative_to(task.folder).as_posix(): File(
            bytes=file.stat().st_size, modified=file.stat().st_mtime_ns, sha256=sha256(file)
        )
        for file in sorted(task.folder.rglob("*"))
        if file.is_file() and file.suffix not in NO_DATA and not file.name.startswith(".")
    }


def changed(task: Task, known: Mapping[str, File]) -> list[str]:
    """Return which of the files hold something else now; one that is gone contradicts nothing.

    A file is read only where its time or size is another one.
    """
    found = []
    for name, then in known.items():
        file = task.folder / name
        if not file.is_file():
            continue
        now = file.stat()
        if (now.st_size, now.st_mtime_ns) == (then.bytes, then.modified):
            continue
        if now.st_size != then.bytes or sha256(file) != then.sha256:
            found.append(name)
    return found
