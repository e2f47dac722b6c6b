"""CSV: tidy, one line per cell."""

from __future__ import annotations

import csv
import io

from kit.report.table import Table

HEADER = (
    *("paper", "table", "group", "method", "task", "metric", "published_mean", "published_std"),
    *("measured_mean", "measured_std", "n", "seeds", "profile", "protocol", "tier"),
)


def render(table: Table) -> str:
    """Return the table with full precision of what was measured."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(HEADER)
    for row in table.rows:
        for cell in row.cells:
            published, measured = cell.published, cell.measured
            left = [table.paper, table.number, row.group, row.method, cell.column.task]
            left += [cell.column.metric]
            left += [published.mean, published.std] if published else ["", ""]
            right = [""] * 7
            if measured is not None:
                right = [
                    "NaN" if measured.mean is None else repr(measured.mean),
                    "" if measured.std is None else repr(measured.std),
                    str(len(measured.values)),
                    " ".join(map(str, measured.seeds)),
                    measured.profile,
                    measured.protocol,
                    measured.tier,
                ]
            writer.writerow([*left, *right])
    return stream.getvalue()
