"""The best of a column or group, computed. Every metric is an error: the lowest is the best."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from kit import papers
from kit.papers import Layout
from kit.report.cells import Measured
from kit.report.grid import Best, Row


def mark_printed(rows: list[Row], paper: str, layout: Layout) -> list[Row]:
    """Mark the lowest printed numbers, as the layout has it."""
    if isinstance(layout.best, int):
        winners = _winners(paper, layout.best)
        return [
            replace(
                row,
                cells=tuple(
                    replace(c, best="column") if (c.key.task, c.key.method) in winners else c
                    for c in row.cells
                ),
            )
            for row in rows
        ]
    if layout.best is None:
        return rows
    lowest: dict[tuple[str | None, int], float] = {}
    for row in rows:
        for index, value in _printed(row):
            for scope in (None, row.group):
                lowest[scope, index] = min(value, lowest.get((scope, index), value))

    def best(row: Row, index: int, value: float) -> Best | None:
        if value == lowest[None, index]:
            return "column"
        of_group = layout.best == "group" and value == lowest[row.group, index]
        return "group" if of_group else None

    marked = []
    for row in rows:
        cells = list(row.cells)
        for index, value in _printed(row):
            cells[index] = replace(cells[index], best=best(row, index, value))
        marked.append(replace(row, cells=tuple(cells)))
    return marked


def _printed(row: Row) -> Iterator[tuple[int, float]]:
    for index, cell in enumerate(row.cells):
        if cell.published is not None and cell.published.value is not None:
            yield index, cell.published.value


def _winners(paper: str, number: int) -> set[tuple[str, str]]:
    """Return (task, method) of the lowest cells of a table, task by task."""
    lowest: dict[str, float] = {}
    cells = [(c.task, c.method, c.value) for c in papers.published(paper, number)]
    for task, _, value in cells:
        if value is not None:
            lowest[task] = min(value, lowest.get(task, value))
    return {(task, name) for task, name, value in cells if value == lowest[task]}


def mark_measured(rows: list[Row], layout: Layout) -> list[Row]:
    """Mark the lowest means among cells of one kind, where there are at least two of them."""
    if layout.best not in ("column", "group"):
        return rows
    means: dict[tuple[object, ...], list[float]] = {}
    for row in rows:
        for index, cell in enumerate(row.cells):
            if cell.measured and cell.measured.mean is not None:
                means.setdefault((index, *_kind(cell.measured)), []).append(cell.measured.mean)

    def best(index: int, measured: Measured | None) -> bool:
        if measured is None or measured.mean is None:
            return False
        rivals = means[index, *_kind(measured)]
        return len(rivals) > 1 and measured.mean == min(rivals)

    return [
        replace(
            row,
            cells=tuple(
                replace(cell, best_measured=best(index, cell.measured))
                for index, cell in enumerate(row.cells)
            ),
        )
        for row in rows
    ]


def _kind(measured: Measured) -> tuple[str, str, str]:
    return measured.profile, measured.protocol, measured.tier
