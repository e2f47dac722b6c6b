"""Recognising which of a task's raw files a file or folder of the user is, under any name."""

from __future__ import annotations

import re
import tarfile
import zipfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from kit.data import raw
from kit.errors import KitError, nearest
from kit.files import check_plain, md5, sha256
from kit.spec import Tier
from kit.task import Source, Task

# What browsers add to the name of a file that was downloaded twice.
AGAIN = re.compile(r" ?\(\d+\)(?=\.|$)")


@dataclass(frozen=True)
class Recognised:
    """A file or folder of the user, the raw file that it is taken as, and the reason in words."""

    path: Path
    source: Source
    why: str

    def __str__(self) -> str:
        """Return a line for the user."""
        return f"{self.path}: taken as {self.source.file} (tier {self.source.tier}; {self.why})"


def recognise(task: Task, path: Path, tier: Tier | None = None) -> list[Recognised]:
    """Return the raw files that a file or folder is: one, or several inside a folder.

    The name is compared first, then the published hash, then the content of an archive or folder.
    If two tiers have a file of the same name, that of the better tier is returned.

    Args:
        task: the task whose raw files are compared.
        path: the user's file or folder.
        tier: compare only the files of this tier; None for all tiers.

    Raises:
        KitError: the path does not exist, is no file or folder, or is not a raw file of the task.
    """
    sources = [source for source in task.sources if tier in (None, source.tier)]
    names = {Path(name).name for source in sources for name in (source.file, *source.instead)}
    unknown = f"not a raw file of {task.name}{nearest(path.name, names)}"
    if not path.exists():
        more = "" if path.name in names else f", and {unknown}"
        raise KitError(f"{path}: no such file or folder{more}")
    check_plain(path)
    recognised = list(_by_name(path, sources))[:1]
    if not recognised:
        by_content = _in_folder if path.is_dir() else _in_file
        recognised = list(by_content(path, sources))
    if recognised:
        return recognised
    raise KitError(f"{path} is {unknown}")


def _by_name(path: Path, sources: Iterable[Source]) -> Iterator[Recognised]:
    """Yield the sources, or their other forms, that have the name of a path."""
    called = AGAIN.sub("", path.name)
    for source in sources:
        if called == Path(source.file).name and path.is_dir() == source.folder:
            yield Recognised(path, source, "by its name")
        for name in source.instead:
            if called == Path(name).name and path.is_dir() == (not Path(name).suffix):
                yield Recognised(path, raw.form(source, name, path), "by its name")
        if path.is_file() and called in source.holds and source.instead:
            part = raw.form(source, f"{source.instead[0]}/{called}", path)
            yield Recognised(path, part, "by its name")


def _in_folder(folder: Path, sources: Iterable[Source]) -> Iterator[Recognised]:
    """Yield the raw files in a folder; it may itself be an unpacked archive, by its content."""
    for source in sources:
        file = _inside(folder, Path(source.file).name)
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


def _inside(folder: Path, name: str) -> Path:
    """Return the path of a file in a folder, or of its only copy that a browser named."""
    file = folder / name
    if file.exists():
        return file
    copies = [each for each in folder.iterdir() if AGAIN.sub("", each.name) == name]
    return copies[0] if len(copies) == 1 else file


def _in_file(file: Path, sources: Iterable[Source]) -> Iterator[Recognised]:
    """Yield the one source that has the file's hash, else one whose archive has such members."""
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
    """Return the names of the members of an archive; empty if it is damaged or not an archive."""
    try:
        if zipfile.is_zipfile(file):
            with zipfile.ZipFile(file) as packed:
                return packed.namelist()
        with tarfile.open(file) as archive:
            return archive.getnames()
    except (tarfile.TarError, zipfile.BadZipFile, EOFError, OSError):
        return []
