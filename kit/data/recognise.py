"""Telling which of a task's raw files a file or folder of the user is, whatever it is called."""

from __future__ import annotations

import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kit.data import raw
from kit.errors import KitError, nearest
from kit.files import md5, sha256
from kit.spec import Tier
from kit.task import Source, Task


@dataclass(frozen=True)
class Recognised:
    """A file or folder of the user, and what it is taken as."""

    path: Path
    source: Source
    why: str

    def __str__(self) -> str:
        """Return a line for the user."""
        return f"{self.path}: taken as {self.source.file} (tier {self.source.tier}; {self.why})"


def recognise(task: Task, path: Path, tier: Tier | None = None) -> list[Recognised]:
    """Return what a file or folder is: one raw file, or a folder with several of them.

    A name decides first, then the hash where one is published, then what an archive or folder
    holds. Where two tiers have a file of the same name, the better tier has it.

    Args:
        task: among whose files it is looked for.
        path: the user's file or folder.
        tier: look among its files only; None for those of all tiers.

    Raises:
        KitError: there is no such file, or it is none of the task's.
    """
    sources = [source for source in task.sources if tier in (None, source.tier)]
    names = {Path(name).name for source in sources for name in (source.file, *source.instead)}
    none = f"not a raw file of {task.name}{nearest(path.name, names)}"
    if not path.exists():
        more = "" if path.name in names else f", and {none}"
        raise KitError(f"{path}: no such file or folder{more}")
    found = list(_by_name(path, sources))[:1]
    if not found:
        by_content = _in_folder if path.is_dir() else _in_file
        found = list(by_content(path, sources))
    if found:
        return found
    raise KitError(f"{path} is {none}")


def _by_name(path: Path, sources: Iterable[Source]) -> Iterator[Recognised]:
    for source in sources:
        if path.name == Path(source.file).name and path.is_dir() == source.folder:
            yield Recognised(path, source, "by its name")
        for name in source.instead:
            if path.name == Path(name).name and path.is_dir() == (not Path(name).suffix):
                yield Recognised(path, raw.form(source, name, path), "by its name")
        if path.is_file() and path.name in source.holds and source.instead:
            part = raw.form(source, f"{source.instead[0]}/{path.name}", path)
            yield Recognised(path, part, "by its name")


def _in_folder(folder: Path, sources: Iterable[Source]) -> Iterator[Recognised]:
    """Find raw files in a folder, and take it as what an archive makes where it holds that."""
    for source in sources:
        file = folder / Path(source.file).name
        names = (name for name in source.instead if (folder / Path(name).name).is_dir())
        named = next(names, None)
        if file.exists() and file.is_dir() == source.folder:
            yield Recognised(file, source, "by its name")
        elif named is not None:
            place = folder / Path(named).name
            yield Recognised(place, raw.form(source, named, place), "by its name")
        elif (
            source.holds
            and source.instead
            and all(next(folder.rglob(pattern), None) for pattern in source.holds)
        ):
            taken = raw.form(source, source.instead[0], folder)
            yield Recognised(folder, taken, f"it holds {', '.join(source.holds)}")


def _in_file(file: Path, sources: Iterable[Source]) -> Iterator[Recognised]:
    size = file.stat().st_size
    for source in sources:
        if source.size in (None, size) and not source.folder and _has_hash(file, source):
            yield Recognised(file, source, "by its hash")
            return
    names = _listed(file)
    for source in sources:
        if source.holds and names and all(_among(names, pattern) for pattern in source.holds):
            yield Recognised(file, source, f"it holds {', '.join(source.holds)}")
            return


def _has_hash(file: Path, source: Source) -> bool:
    if source.sha256:
        return source.sha256 == sha256(file)
    return source.md5 is not None and source.md5 == md5(file)


def _among(names: Iterable[str], pattern: str) -> bool:
    return any(PurePosixPath(name).match(pattern) for name in names)


def _listed(file: Path) -> list[str]:
    """Return the names in an archive; none of what is no archive, or a damaged one."""
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as packed:
                return packed.namelist()
        with tarfile.open(file) as archive:
            return archive.getnames()
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError):
        return []
