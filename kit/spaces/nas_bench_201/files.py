"""Writing, reading, checking and merging tables, which are Parquet files. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from kit.files import check_plain, replacing
from kit.spaces.nas_bench_201.cell import COUNT, classes, strings
from kit.spaces.nas_bench_201.table import COLUMNS, MEASURES, SETS, TRAIN, Header, Table

KEY = b"nas-bench-201"
"""The key of the header in the metadata of a file."""


def write(table: Table, file: Path | str) -> None:
    """Write a table to a Parquet file; a failed write leaves no partial file.

    A row is a cell: its number, string and class, the cell that was trained in its place, its
    costs, and lists with a value for each epoch, which are empty for cells that were not trained.

    Raises:
        ValueError: pyarrow is not installed.
    """
    arrow, parquet = _arrow()
    trained = table.cells == table.trained
    # Lists have a value for each epoch; those of a cell that points to another are empty.
    offsets = np.concatenate([[0], np.cumsum(trained * table.header.epochs)]).astype(np.int32)
    cells = table.cells.tolist()
    columns: dict[str, Any] = {
        "index": arrow.array(table.cells),
        "string": arrow.array([strings()[each] for each in cells]),
        "class": arrow.array([classes()[each] for each in cells]),
        **{name: arrow.array(getattr(table, name)) for name in COLUMNS[1:]},
    }
    for name, curve in table.curves.items():
        columns[name] = arrow.ListArray.from_arrays(
            arrow.array(offsets), arrow.array(curve.ravel())
        )
    content = arrow.table(columns).replace_schema_metadata({KEY: msgspec.json.encode(table.header)})
    file = Path(file)
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as stream:
        parquet.write_table(
            content,
            stream,
            compression="zstd",
            use_dictionary=["string"],
            column_encoding={f"{name}.list.element": "BYTE_STREAM_SPLIT" for name in table.curves},
        )


def read(file: Path | str) -> Table:
    """Return the table in a file, checked.

    Raises:
        ValueError: the file cannot be read or has no valid table, or pyarrow is not installed; the
            message names the file and the cell.
    """
    file = Path(file)
    check_plain(file, ValueError)
    arrow, parquet = _arrow()
    try:
        with file.open("rb") as stream:
            # Without threads: one that still reads ahead when the process ends would abort it.
            content = parquet.read_table(stream, use_threads=False, pre_buffer=False)
    except OSError as error:
        raise ValueError(f"{file}: {error.strerror or _line(error)}") from None
    except arrow.ArrowException as error:
        raise ValueError(f"{file}: no whole Parquet file ({_line(error)})") from None
    header = (content.schema.metadata or {}).get(KEY)
    if header is None:
        raise ValueError(f"{file}: a Parquet file, but no table of NAS-Bench-201")
    try:
        table = _table(msgspec.json.decode(header, type=Header), content)
        check(table, content["string"].to_pylist())
    except (KeyError, msgspec.MsgspecError, arrow.ArrowException) as error:
        raise ValueError(f"{file}: no table of NAS-Bench-201 ({_line(error)})") from None
    except ValueError as error:
        raise ValueError(f"{file}: {error}") from None
    return table


def check(table: Table, names: Sequence[str] | None = None) -> None:
    """Check that a table belongs to the space and is consistent.

    Args:
        table: the table.
        names: the strings of its cells in the file, to be compared with the cells' numbers.

    Raises:
        ValueError: it does not or is not; the message says what is wrong with which cell.
    """
    cells, trained = table.cells, table.trained
    if not table.header.full > 0:
        raise ValueError(f"{table.header.full:g} is no accuracy of a cell without error")
    if len(cells) and not (cells.min() >= 0 and cells.max() < COUNT and (np.diff(cells) > 0).all()):
        raise ValueError(f"its cells are no ascending numbers from 0 to {COUNT - 1}")
    for number, name in zip(cells.tolist(), names or (), strict=names is not None):
        if strings()[number] != name:
            raise ValueError(f"cell {number} is {strings()[number]}, not {name!r:.80}")
    trained_cells = set(cells[cells == trained].tolist())
    same = classes()
    for number, other in zip(cells.tolist(), trained.tolist(), strict=True):
        if other not in trained_cells or same[number] != same[other]:
            raise ValueError(f"cell {number} points to cell {other}, which cannot stand for it")
    for name, curve in table.curves.items():
        if curve.shape != (len(trained_cells), table.header.epochs):
            raise ValueError(
                f"{name} has not {table.header.epochs} epochs of {len(trained_cells)} cells"
            )
    for each in (TRAIN, *table.sets):
        if missing := [m for m in MEASURES if f"{each}-{m}" not in table.curves]:
            raise ValueError(f"{each}-{missing[0]} is missing")
    if (table.parameters < 0).any() or (table.multiply_adds < 0).any():
        raise ValueError("a negative number of parameters or multiply-adds")


def merged(tables: Sequence[Table]) -> Table:
    """Return one table with the cells of several tables.

    If a cell is in several tables, the result has the seconds of the first.

    Args:
        tables: tables of one task, number of epochs and seed.

    Raises:
        ValueError: the tables differ in these, or contradict each other in more than seconds; the
            message names the cell.
    """
    if not isinstance(tables, Sequence) or not all(isinstance(each, Table) for each in tables):
        raise ValueError("tables are a list of tables, such as read returns")
    if not tables:
        raise ValueError("there is no table to be merged")
    first = tables[0]
    for other in tables[1:]:
        _check_alike(first, other)
    rows: dict[int, tuple[Table, int]] = {}
    costs: dict[int, tuple[int, int]] = {}
    points: dict[int, int] = {}
    for table in tables:
        for row, number in enumerate(np.unique(table.trained).tolist()):
            if number in rows:
                _same(rows[number], (table, row), number)
            else:
                rows[number] = table, row
        columns = zip(*(getattr(table, name).tolist() for name in COLUMNS), strict=True)
        for number, other, *cost in columns:
            known = costs.setdefault(number, (cost[0], cost[1]))
            if known != (cost[0], cost[1]):
                raise ValueError(
                    f"cell {number} has {known[0]} parameters in one, {cost[0]} in another"
                )
            if number == other or number not in points:
                points[number] = other
    cells = np.array(sorted(points), np.int64)
    trained = [number if number in rows else points[number] for number in cells.tolist()]
    order = sorted(set(trained))
    return Table(
        _header([table.header for table in tables]),
        cells,
        np.array(trained, np.int64),
        np.array([costs[each][0] for each in cells.tolist()], np.int64),
        np.array([costs[each][1] for each in cells.tolist()], np.int64),
        {
            name: np.array([rows[each][0].curves[name][rows[each][1]] for each in order])
            for name in first.curves
        },
    )


def _check_alike(first: Table, other: Table) -> None:
    """Raise ValueError unless two tables are of one task, number of epochs and seed."""
    for name in ("task", "epochs", "seed", "full"):
        one, another = getattr(first.header, name), getattr(other.header, name)
        if one != another:
            raise ValueError(f"{name} {one!r} of one is not {another!r} of another")
    if first.sets != other.sets:
        raise ValueError(f"one evaluates {', '.join(first.sets)}, another not the same")


def _header(headers: Sequence[Header]) -> Header:
    """Return the first header with the notes and provenances of all."""
    notes = dict.fromkeys(each.note for each in headers if each.note)
    provenance: dict[str, str] = {}
    for header in headers:
        for key, value in header.provenance.items():
            known = provenance.setdefault(key, value)
            if value not in known.split("; "):
                provenance[key] = f"{known}; {value}"
    return msgspec.structs.replace(headers[0], note=" ".join(notes), provenance=provenance)


def _same(one: tuple[Table, int], other: tuple[Table, int], number: int) -> None:
    """Raise ValueError unless the curves of a cell, each (table, row), are equal, but for time."""
    for name, curve in one[0].curves.items():
        if name.endswith("-seconds"):
            continue
        left, right = curve[one[1]], other[0].curves[name][other[1]]
        if not np.array_equal(left, right, equal_nan=True):
            epoch = int(np.flatnonzero((left != right) & ~(np.isnan(left) & np.isnan(right)))[0])
            raise ValueError(
                f"cell {number}: {name} of epoch {epoch} is {left[epoch]} in one table and "
                f"{right[epoch]} in another"
            )


def _table(header: Header, content: Any) -> Table:
    """Return the table of a file's content, which is a table of Arrow."""
    arrow, _ = _arrow()
    # Arrow's casts refuse other types, fractions and integers of more than 64 bits.
    whole, numbers = arrow.int64(), arrow.list_(arrow.float64())
    columns = {}
    for name in COLUMNS:
        column = content["index" if name == "cells" else name]
        if column.null_count:
            raise ValueError(f"{name} has no number for each cell")
        columns[name] = column.cast(whole).to_numpy()
    curves = {}
    for name in content.column_names:
        if name.rpartition("-")[2] in MEASURES and name.rpartition("-")[0] in (TRAIN, *SETS):
            flat = content[name].cast(numbers).combine_chunks().flatten().to_numpy()
            if header.epochs < 1 or len(flat) % header.epochs:
                raise ValueError(f"{name} has not {header.epochs} epochs of each cell")
            curves[name] = flat.reshape(-1, header.epochs)
    if len(np.unique(columns["trained"])) != sum(columns["trained"] == columns["cells"]):
        raise ValueError("cells point to others that are not in it")
    if len(columns["cells"]) and not (
        min(columns["cells"].min(), columns["trained"].min()) >= 0
        and max(columns["cells"].max(), columns["trained"].max()) < COUNT
    ):
        raise ValueError(f"its cells are no ascending numbers from 0 to {COUNT - 1}")
    return Table(header, **columns, curves=curves)


def _arrow() -> tuple[Any, Any]:
    """Return the modules pyarrow and pyarrow.parquet, or raise ValueError."""
    try:
        import pyarrow
        from pyarrow import parquet
    except ModuleNotFoundError:
        raise ValueError("tables need pyarrow: the kit's extra 'tables'") from None
    return pyarrow, parquet


def _line(error: Exception) -> str:
    """Return the message of an error on one line, cut to 120 characters, or its class's name."""
    return " ".join(str(error).split())[:120] or type(error).__name__
