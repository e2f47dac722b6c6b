"""A part of a filled table: some of its rows and columns, or what was measured alone."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from msgspec import structs

from kit.errors import KitError, unknown
from kit.papers import TableHeader
from kit.report.grid import Cell, Row, Table
from kit.report.table import tallies


def select(
    table: Table,
    *,
    rows: Sequence[str] = (),
    columns: Sequence[str] = (),
    measured_only: bool = False,
) -> Table:
    """Return the part of a table, with the notes that it needs.

    Args:
        table: the whole.
        rows: methods, tasks, metrics or titles; none for all.
        columns: likewise.
        measured_only: leave out what was not measured: numbers, rows and columns.

    Raises:
        KitError: there is no such row or column, or nothing is left.
    """
    kept = [row for row in table.rows if not rows or _names(row) & _folded(rows)]
    _check("row", rows, [_names(row) for row in table.rows])
    names = [_of_header(column) for column in table.layout.columns]
    _check("column", columns, names)
    wanted = [not columns or bool(each & _folded(columns)) for each in names]
    if measured_only:
        kept = [replace(row, cells=tuple(map(_measured, row.cells))) for row in kept]
        wanted = [
            wish and any(row.cells[place].measured or row.cells[place].derived for row in kept)
            for place, wish in enumerate(wanted)
        ]
    places = [place for place, wish in enumerate(wanted) if wish]
    kept = [replace(row, cells=tuple(row.cells[place] for place in places)) for row in kept]
    kept = [row for row in kept if not all(cell.empty for cell in row.cells)]
    if not kept:
        made = "; 'kit reproduce --table' makes them" if measured_only else ""
        raise KitError(f"no {'run' if measured_only else 'cell'} of this table is there{made}")
    return _with_notes_in_use(_of_columns(table, places), kept)


def _of_columns(table: Table, places: Collection[int]) -> Table:
    start, blocks = 0, []
    for block in table.layout.blocks:
        blocks.append(tuple(c for place, c in enumerate(block, start) if place in places))
        start += len(block)
    layout = structs.replace(table.layout, blocks=tuple(block for block in blocks if block))
    return replace(table, layout=layout)


def _with_notes_in_use(table: Table, rows: Sequence[Row]) -> Table:
    cells = [cell for row in rows for cell in row.cells]
    notes = {cell.note for cell in cells}
    errata = {cell.erratum for cell in cells if cell.published}
    # The tallies, which stand behind the layout's own remarks, are those of the part.
    own = table.layout.remarks
    others = table.remarks[len(own) + len(tallies(table.rows)) :]
    return replace(
        table,
        rows=tuple(rows),
        remarks=(*own, *tallies(rows), *others),
        notes=tuple(each for each in table.notes if each[0] in notes),
        errata=tuple(each for each in table.errata if each[0] in errata),
    )


def _measured(cell: Cell) -> Cell:
    return replace(cell, published=None, computed=None, erratum=None)


def _names(row: Row) -> set[str]:
    metrics = {cell.key.metric for cell in row.cells}
    metric = metrics if len(metrics) == 1 else set()
    return {row.task, row.method, row.title.lower().replace(" ", "-"), *metric} - {""}


def _of_header(column: TableHeader) -> set[str]:
    method = column.method if isinstance(column.method, str) else ""
    title = "-".join(column.titles).lower().replace(" ", "-")
    return {column.task, method, column.metric, title} - {""}


def _folded(words: Sequence[str]) -> set[str]:
    return {word.strip().lower().replace(" ", "-") for word in words}


def _check(what: str, words: Sequence[str], names: Sequence[set[str]]) -> None:
    known = set().union(*names)
    for word in words:
        if not _folded([word]) & known:
            raise unknown(what, word, known)
