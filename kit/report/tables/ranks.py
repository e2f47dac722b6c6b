"""Median rank and median improvement over WRN (NAS-Bench-360, Table 3), from another table."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from statistics import median

from kit import papers
from kit.papers import Key
from kit.report.cells import Computed, Measured, rounded
from kit.report.tables import TableRequest, TableValues, scores
from kit.spec import PROFILES, PROTOCOLS

ORIGIN = "another table"
BASELINE = "wrn"
# errors[task][method], infinite where a method has no number to show for itself.
Errors = Mapping[str, Mapping[str, float]]


def fill(request: TableRequest) -> TableValues:
    """Compute the table once from the printed errors and once from measured ones."""
    number = request.layout.runs_of
    assert number is not None
    layout = papers.layout(request.paper, number)
    methods = {key.method for key in request.keys}
    keys = [key for key in layout.all_keys() if key.method in methods]
    cells = papers.published(request.paper, number)
    printed = _table((c.key, c.value) for c in cells if c.value is not None and c.key in keys)
    below = TableRequest(request.paper, number, layout, keys, {}, request.runs)
    errors, how = measured_errors(scores.fill(below).measured)
    return TableValues(
        computed={
            key: rounded(value, request.printed.get(key), f"from Table {number}")
            for key in request.keys
            if (value := aggregate(printed, key)) is not None
        },
        derived={
            key: Computed(f"{value:.4g}", value if math.isfinite(value) else None, how)
            for key in request.keys
            if (value := aggregate(errors, key)) is not None
        },
    )


def aggregate(errors: Errors, key: Key) -> float | None:
    """Return a method's median over tasks, or None where it has none."""
    what = {"median-rank": _rank, "improvement": _improvement}[key.metric]
    found = [what(row, key.method) for row in errors.values() if key.method in row]
    values = [value for value in found if value is not None]
    return median(values) if values else None


def _rank(row: Mapping[str, float], method: str) -> float:
    """Return the rank among the methods of a task, 1 for the lowest error, ties averaged."""
    lower = sum(error < row[method] for error in row.values())
    same = sum(error == row[method] for error in row.values())
    return lower + (same + 1) / 2


def _improvement(row: Mapping[str, float], method: str) -> float | None:
    """Return by how many per cent the error is lower than WRN's."""
    if not 0 < row.get(BASELINE, 0) < math.inf:
        return None
    return 100.0 * (row[BASELINE] - row[method]) / row[BASELINE]


def _table(errors: Iterable[tuple[Key, float]]) -> Errors:
    table: dict[str, dict[str, float]] = {}
    for key, error in errors:
        table.setdefault(key.task, {})[key.method] = error
    return table


def measured_errors(cells: Mapping[Key, Measured]) -> tuple[Errors, str]:
    """Return measured errors of one profile and protocol, the fullest, and how they came about."""
    kinds = {(cell.profile, cell.protocol) for cell in cells.values()}
    if not kinds:
        return {}, ""
    order = sorted(kinds, key=lambda kind: (PROFILES.index(kind[0]), PROTOCOLS.index(kind[1])))
    same = {k: c for k, c in cells.items() if (c.profile, c.protocol) == order[0]}
    table = _table((k, math.inf if c.mean is None else c.mean) for k, c in same.items())
    # One method alone has no rank.
    table = {task: row for task, row in table.items() if len(row) > 1}
    methods = {key.method for key in same}
    how = f"among {len(methods)} methods measured on {len(table)} tasks; profile {order[0][0]}, "
    how += f"protocol {order[0][1]}, tiers {', '.join(sorted({c.tier for c in same.values()}))}"
    if broken := sum(not c.whole for c in same.values()):
        how += f"; cells without a mean, counted as worst: {broken}"
    return table, how
