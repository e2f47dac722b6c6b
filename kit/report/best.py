"""The best of a column or group, computed. Every metric is an error: the lowest is the best."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from kit import papers
from kit.papers import Layout
from kit.report.cells import Measured
from kit.report.grid import Best, Cell, Row

# How a cell of a row, at a place, is marked.
Mark = Callable[[Row, int, Cell], Best | None]


def mark_printed(rows: list[Row], paper: str, layout: Layout) -> list[Row]:
    """Mark the lowest printed numbers, as the layout has it."""
    if layout.best is None:
        return rows
    if isinstance(layout.best, int):
        best = _in_table(paper, layout.best)
    else:
        best = _in_column(rows, groups=layout.best == "group")
    return _changed(rows, lambda row, at, cell: replace(cell, best=best(row, at, cell)))


def _in_table(paper: str, number: int) -> Mark:
    """Return the mark of a cell by the lowest errors of each task in another table."""
    printed = papers.published(paper, number)
    lowest: dict[str, float] = {}
    for each in printed:
        if each.value is not None:
            lowest[each.task] = min(each.value, lowest.get(each.task, each.value))
    winners = {(each.task, each.method) for each in printed if each.value == lowest[each.task]}
    return lambda _, at, cell: "column" if (cell.key.task, cell.key.method) in winners else None


def _in_column(rows: list[Row], *, groups: bool) -> Mark:
    """Return the mark of a cell by the lowest numbers of its column and, if asked, of its group."""
    lowest: dict[tuple[str | None, int], float] = {}
    for row in rows:
        for at, cell in enumerate(row.cells):
            if (value := _printed(cell)) is not None:
                for scope in (None, row.group):
                    lowest[scope, at] = min(value, lowest.get((scope, at), value))

    def best(row: Row, at: int, cell: Cell) -> Best | None:
        value = _printed(cell)
        if value is None:
            return None
        if value == lowest[None, at]:
            return "column"
        return "group" if groups and value == lowest[row.group, at] else None

    return best


def _printed(cell: Cell) -> float | None:
    return None if cell.published is None else cell.published.value


def mark_measured(rows: list[Row], layout: Layout) -> list[Row]:
    """Mark the lowest means among cells of one kind, where there are at least two of them."""
    if layout.best not in ("column", "group"):
        return rows
    means: dict[tuple[object, ...], list[float]] = {}
    for row in rows:
        for at, cell in enumerate(row.cells):
            if cell.measured and cell.measured.mean is not None:
                means.setdefault((at, *cell.measured.kind), []).append(cell.measured.mean)

    def is_best(at: int, measured: Measured | None) -> bool:
        if measured is None or measured.mean is None:
            return False
        rivals = means[at, *measured.kind]
        return len(rivals) > 1 and measured.mean == min(rivals)

    return _changed(
        rows, lambda _, at, cell: replace(cell, best_measured=is_best(at, cell.measured))
    )


def _changed(rows: list[Row], change: Callable[[Row, int, Cell], Cell]) -> list[Row]:
    return [
        replace(row, cells=tuple(change(row, at, cell) for at, cell in enumerate(row.cells)))
        for row in rows
    ]
