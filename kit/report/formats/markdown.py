"""Markdown: one table per block."""

from __future__ import annotations

from collections.abc import Iterable

from kit.report.table import Table


def render(table: Table) -> str:
    """Return the table as GitHub's Markdown."""
    lines = [f"**Table {table.number} of {table.paper}.** {table.title}", ""]
    start = 0
    for block in table.blocks:
        stop = start + len(block)
        lines.append(_row(["", "", *(f"{c.title}<br>{c.metric}" for c in block)]))
        lines.append(_row(["---"] * (len(block) + 2)))
        for row in table.rows:
            cells = row.cells[start:stop]
            if all(cell.published is None and cell.measured is None for cell in cells):
                continue
            printed = ["-" if c.published is None else str(c.published) for c in cells]
            lines.append(_row([row.title, "published", *printed]))
            lines.append(_row(["", "measured", *(cell.measured_text for cell in cells)]))
        lines.append("")
        start = stop
    lines += [f"- [{letter}] {text}" for letter, text in table.notes]
    lines += [f"- note: {remark}" for remark in table.remarks]
    return "\n".join(lines).rstrip() + "\n"


def _row(cells: Iterable[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"
