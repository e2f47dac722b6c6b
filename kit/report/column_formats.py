"""A column as text, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kit.columns import aligned
from kit.errors import printable
from kit.report.choice import in_short
from kit.report.column import Agreement, Column, ColumnRow

HEAD = (
    "",
    "measured",
    "search, s",
    "tuning, s",
    "training, s",
    "printed",
    "order",
    "printed order",
)


def as_markdown(column: Column) -> str:
    """Return the table as GitHub's Markdown, with how it was measured below it."""
    rows = [HEAD, ("---",) * len(HEAD), *map(_line, column.rows)] if column.rows else []
    return "\n".join([*(f"| {' | '.join(row)} |" for row in rows), "", *notes(column), ""])


def as_text(column: Column) -> str:
    """Return the table for a terminal."""
    rows = [HEAD, *map(_line, column.rows)] if column.rows else []
    table = [aligned(rows), ""] if rows else []
    return "\n".join([f"{column.title} ({column.task})", "", *table, *notes(column), ""])


def as_json(column: Column) -> dict[str, Any]:
    """Return the column as plain values."""
    agreement = column.agreement
    return {
        "task": column.task,
        "metric": column.metric,
        "kind": column.kind,
        "rows": [
            {
                "method": row.method,
                "mean": row.measured.mean,
                "std": row.measured.std,
                "differs": row.measured.differs,
                "values": {str(seed): value for seed, value in row.measured.values.items()},
                "seconds": dict(zip(("search", "tune", "train"), row.seconds, strict=True)),
                "printed": row.printed.value if row.printed else None,
                "ranks": row.ranks,
            }
            for row in column.rows
        ],
        "spearman": {
            "methods": agreement.count,
            "rho": agreement.rho,
            "interval": agreement.interval,
            "p": agreement.p,
        },
        "remarks": column.remarks,
    }


def notes(column: Column) -> list[str]:
    """Return how the numbers came about, how alike the orders are, and what was left out."""
    # Overrides may be from anybody's files: they must tell the terminal nothing.
    remarks = [f"- {printable(remark)}" for remark in in_short(column.remarks)]
    if column.kind is None:
        command = f"kit reproduce --task {column.task} --all-methods"
        return [f"{column.title}: nothing was run yet; `{command}` makes the runs.", *remarks]
    if not column.rows:
        return [f"{column.title}: no method has a mean over seeds.", *remarks]
    profile, protocol, tier = column.kind
    data = tier if tier == "published" else f"{tier}, not the papers' data"
    hours = (
        sum(sum(filter(None, row.seconds)) * len(row.measured.values) for row in column.rows) / 3600
    )
    devices = sorted({device for row in column.rows for device in row.measured.devices})
    return [
        f"{column.metric}, lower is better: mean ± deviation over seeds (how many, where not 3); "
        f"profile {profile}, protocol {protocol}, data {data}; seconds of the wall clock at work, "
        f"mean over seeds; all of it {hours:.1f} hours on {', '.join(devices)}.",
        f"Order: {told(column.agreement)}.",
        *remarks,
    ]


def told(agreement: Agreement) -> str:
    """Return Spearman's coefficient in words."""
    if agreement.rho is None:
        return f"too few methods with a printed error for a coefficient ({agreement.count})"
    between = ""
    if agreement.interval is not None:
        between = " (95 % {:+.2f} to {:+.2f})".format(*agreement.interval)
    return (
        f"Spearman's coefficient of measured and printed errors of {agreement.count} methods is "
        f"{agreement.rho:+.2f}{between}, p = {agreement.p:.2g} by permutation"
    )


def _line(row: ColumnRow) -> Sequence[str]:
    count = len(row.measured.values)
    seeds = "" if count == 3 else f" ({count})"
    seconds = ["" if each is None else f"{each:.0f}" for each in row.seconds]
    ranks = ["", ""] if row.ranks is None else [f"{each:g}" for each in row.ranks]
    printed = "in no paper" if row.printed is None else str(row.printed)
    return [row.title, f"{row.measured}{seeds}", *seconds, printed, *ranks]
