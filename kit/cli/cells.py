"""Tables of NAS-Bench-201 on the command line: where they lie, how one is named."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from kit.errors import DataError, KitError, listed, nearest
from kit.methods.nas_bench_201.info import SUFFIX, folder

if TYPE_CHECKING:
    from kit.spaces.nas_bench_201.table import Header, Table

ARCHIVE = ".pickle.pbz2"
# How many pickle opcodes an archive may have: 15,625 cells of 200 epochs have about 60 million.
OPCODES = 1_000_000_000


def file_of(header: Header) -> Path:
    """Return where a table lies by its task, epochs and seed."""
    if "/" in header.task or header.task.startswith("."):
        raise KitError(f"a table names the task {header.task!r}, which is not a valid name")
    return folder() / f"{header.task}-{header.epochs}-{header.seed}{SUFFIX}"


def names() -> list[str]:
    """Return the names of the tables in the results folder."""
    return sorted(each.stem for each in folder().glob(f"*{SUFFIX}"))


def find(word: str) -> Path:
    """Return the file of a table: a path, or the beginning of a name such as ``ninapro-12-777``.

    Raises:
        KitError: there is none, or more than one.
    """
    file = Path(word)
    if file.suffix == SUFFIX or file.is_file():
        return file
    known = names()
    found = [name for name in known if name == word] or [
        name for name in known if name.startswith(f"{word}-")
    ]
    if len(found) > 1:
        raise KitError(f"there are several tables of {word}: {listed(found)}")
    if not found:
        raise KitError(f"there is no table {word!r} in {folder()}{nearest(word, known)}")
    return folder() / f"{found[0]}{SUFFIX}"


def read(word: str) -> Table:
    """Return a table by its file or name.

    Raises:
        KitError: there is none, or it is damaged.
    """
    from kit.spaces.nas_bench_201 import files

    with told():
        return files.read(find(word))


def read_archive(path: Path) -> list[Table]:
    """Return the tables in a published archive, a file or a folder with a file for each cell.

    Raises:
        DataError: it is damaged, or holds something else than plain data.
        KitError: it is of another form.
    """
    from kit.data import pickles
    from kit.spaces.nas_bench_201 import archives

    with told(path):
        if not path.is_dir():
            return archives.read(pickles.load(path, opcodes=OPCODES), path.name)
        files = sorted(path.glob(f"[0-9]*{ARCHIVE}"))
        if not files:
            raise DataError(f"{path}: no files such as 000000{ARCHIVE} in it")
        infos = {file.name: pickles.load(file, opcodes=OPCODES) for file in files}
        return archives.read({"arch2infos": infos}, path.name)


@contextmanager
def told(place: Path | None = None) -> Iterator[None]:
    """Turn a ``ValueError`` about a table into a ``KitError``, with the file's path before it."""
    try:
        yield
    except ValueError as error:
        raise KitError(str(error) if place is None else f"{place}: {error}") from None


def rows(table: Table, cell: Any, epoch: int | None) -> dict[str, Any]:
    """Return the facts about a cell that are shown, by name.

    Args:
        table: of the cell.
        cell: its number in the published order, or its string.
        epoch: from 0; None for the last.
    """
    from kit.spaces.nas_bench_201.cell import string

    number = table.index(cell)
    costs = table.costs(number)
    return {
        "index": number,
        "string": string(number),
        "trained": int(table.trained[table.cells.searchsorted(number)]),
        "parameters": costs.parameters,
        "multiply-adds": costs.multiply_adds,
        "epoch": table.header.epochs - 1 if epoch is None else epoch,
        **table.info(number, epoch),
    }
