"""Markdown: one table per block."""

from __future__ import annotations

import re
from collections.abc import Iterable

from kit.report.grid import Cell, Table

MARKS = {"column": "**", "group": "*", None: ""}


def render(table: Table) -> str:
    """Return the table as GitHub's Markdown."""
    lines = [f"**Table {table.number} of {table.paper}.** {table.title}", ""]
    stubs = table.layout.stubs
    padding = [""] * (len(stubs) - 1)
    for block, rows in table.parts():
        heads = ("<br>".join(filter(None, (*c.titles, c.heading))) for c in block)
        lines.append(line([*stubs, "", *heads]))
        lines.append(line(["---"] * (len(stubs) + 1 + len(block))))
        group = ""
        for row, cells in rows:
            if row.group != group:
                group = row.group
                lines.append(line([f"*{group}*", *[""] * (len(stubs) + len(block))]))
            titles = [*map(literal, row.titles)]
            if any(cell.published for cell in cells):
                missing = table.layout.missing
                lines.append(line([*titles, "published", *(_published(c, missing) for c in cells)]))
                titles = ["", *padding]
            computed, measured = table.lines(cells)
            if computed:
                lines.append(line([*titles, "computed", *(c.computed_text for c in cells)]))
                titles = ["", *padding]
            if measured:
                lines.append(line([*titles, "measured", *map(_measured, cells)]))
        lines.append("")
    lines += [f"- [{mark}] {text}" for mark, text in (*table.errata, *table.notes)]
    lines += [f"- note: {remark}" for remark in table.remarks]
    return "\n".join(lines).rstrip() + "\n"


def _published(cell: Cell, missing: str) -> str:
    mark = MARKS[cell.best]
    text = f"{cell.published}{cell.suffix}" if cell.published else missing
    return f"{mark}{text}{mark}" + (f" [{cell.erratum}]" if cell.erratum else "")


def _measured(cell: Cell) -> str:
    mark = MARKS["column"] if cell.best_measured else ""
    return f"{mark}{cell.measured_text}{mark}"


def literal(text: str) -> str:
    """Return text that Markdown shows as it stands, for a list or for ``line``."""
    return re.sub(r"([\\`*_<\[\]])", r"\\\1", text)


def line(cells: Iterable[str]) -> str:
    """Return a line of a table, bars in its cells escaped."""
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
