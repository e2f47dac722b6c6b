"""The errors of a table, printed or measured, by method and task: what figures compare."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

from kit.report.grid import Cell, Table

Values = Literal["published", "measured"]
VALUES: tuple[Values, ...] = get_args(Values)


@dataclass(frozen=True)
class Means:
    """Means over seeds.

    Attributes:
        errors: method -> task -> mean.
        titles: method -> its name in the table.
        tasks: in the order of the table.
        source: where the numbers are from, in words.
        remarks: on what was left out.
    """

    errors: dict[str, dict[str, float]]
    titles: dict[str, str]
    tasks: tuple[str, ...]
    source: str
    remarks: tuple[str, ...] = ()


def published(table: Table) -> Means:
    """Return what the paper prints."""
    errors: dict[str, dict[str, float]] = {}
    for cell in _cells(table):
        if cell.published is not None and cell.published.value is not None:
            errors.setdefault(cell.key.method, {})[cell.key.task] = cell.published.value
    return Means(errors, _titles(table), _tasks(table), f"printed in Table {table.number}")


def measured(table: Table) -> Means:
    """Return what was measured, on each task of one kind of runs: that of the most methods.

    A cell has no mean unless all its seeds have a value.
    """
    kinds: dict[str, Counter[str]] = {}
    for cell in _cells(table):
        if cell.measured is not None:
            kinds.setdefault(cell.key.task, Counter())[_kind(cell)] += 1
    taken = {task: found.most_common(1)[0][0] for task, found in kinds.items()}
    errors: dict[str, dict[str, float]] = {}
    remarks = []
    for cell in _cells(table):
        if cell.measured is None:
            continue
        where = f"{cell.key.method} on {cell.key.task}"
        if _kind(cell) != taken[cell.key.task]:
            remarks.append(f"left out {where}: {_kind(cell)}, the others {taken[cell.key.task]}")
        elif cell.measured.mean is None:
            remarks.append(f"left out {where}: {cell.measured}")
        else:
            errors.setdefault(cell.key.method, {})[cell.key.task] = cell.measured.mean
    source = "measured: " + ("; ".join(sorted(set(taken.values()))) or "nothing")
    return Means(errors, _titles(table), _tasks(table), source, tuple(remarks))


def means(table: Table, values: Values) -> Means:
    """Return the printed or the measured means of a table."""
    return published(table) if values == "published" else measured(table)


def _kind(cell: Cell) -> str:
    found = cell.measured
    assert found is not None
    return f"{found.profile}, {found.protocol}, {found.tier} data"


def _cells(table: Table) -> Iterator[Cell]:
    return (cell for row in table.rows for cell in row.cells)


def _titles(table: Table) -> dict[str, str]:
    return {row.method: row.title for row in table.rows if row.method}


def _tasks(table: Table) -> tuple[str, ...]:
    return tuple(dict.fromkeys(cell.key.task for cell in _cells(table) if cell.key.task))
