"""CSV: tidy, one line per cell."""

from __future__ import annotations

import csv
import io

from kit.report.cells import Computed
from kit.report.grid import Cell, Table

HEADER = (
    *("paper", "table", "group", "method", "task", "metric", "published_mean", "published_std"),
    *("computed", "measured_mean", "measured_std", "n", "seeds", "profile", "protocol", "tier"),
    *("state", "verdict", "note"),
)


def render(table: Table) -> str:
    """Return the table with full precision of what was computed and measured."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEADER)
    for row in table.rows:
        for cell in row.cells:
            key, published, computed = cell.key, cell.published, cell.computed
            left = [table.paper, table.number, row.group, key.method, key.task, key.metric]
            left += [published.mean, published.std] if published else ["", ""]
            left.append("" if computed is None else _computed(computed))
            right = [cell.verdict.label if cell.verdict else "", (published and published.note)]
            writer.writerow([*left, *_measured(cell), cell.state, *right])
    return stream.getvalue()


def _computed(computed: Computed) -> str:
    return computed.text if computed.value is None else repr(computed.value)


def _measured(cell: Cell) -> list[str]:
    measured = cell.measured
    if measured is None:
        value = cell.derived and cell.derived.value
        return ["" if value is None else repr(value), *[""] * 6]
    return [
        "NaN" if measured.mean is None else repr(measured.mean),
        "" if measured.std is None else repr(measured.std),
        str(len(measured.values)),
        " ".join(map(str, measured.seeds)),
        measured.profile,
        measured.protocol,
        measured.tier,
    ]
