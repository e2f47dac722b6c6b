"""Markdown: one table per block."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable

from kit.report.grid import Cell, Line, Table

MARKS = {"column": "**", "group": "*", None: ""}


def render(table: Table) -> str:
    """Return the table as GitHub's Markdown."""
    lines = [f"**Table {table.number} of {table.paper}.** {table.title}", ""]
    stubs = table.layout.stubs
    show: dict[Line, Callable[[Cell], str]] = {
        "published": lambda cell: _published(cell, table.layout.missing),
        "computed": lambda cell: cell.computed_text,
        "measured": _measured,
    }
    for block, rows in table.parts():
        heads = ("<br>".join(filter(None, (*c.titles, c.heading))) for c in block)
        lines.append(line([*stubs, "", *heads]))
        lines.append(line(["---"] * (len(stubs) + 1 + len(block))))
        group = ""
        for row, cells in rows:
            if row.group != group:
                group = row.group
                lines.append(line([f"*{group}*", *[""] * (len(stubs) + len(block))]))
            for place, kind in enumerate(table.lines(cells)):
                titles = [""] * len(stubs) if place else map(literal, row.titles)
                lines.append(line([*titles, kind, *map(show[kind], cells)]))
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
