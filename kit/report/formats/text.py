"""Plain text: each method's published line, and below it the measured one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from kit.report.table import Row, Table


def render(table: Table) -> str:
    """Return the table for a terminal, at most 130 characters wide."""
    lines = [f"Table {table.number} of {table.paper}: {table.title}", ""]
    start = 0
    for block in table.blocks:
        stop = start + len(block)
        heads = [["", *(column.title for column in block)], ["", *(c.metric for c in block)]]
        body = [line for row in table.rows for line in _lines(row, start, stop)]
        groups = _group_starts(table.rows, start, stop)
        widths = [max(map(len, cells)) for cells in zip(*heads, *body, strict=True)]
        lines += [_join(head, widths) for head in heads]
        for index, line in enumerate(body):
            if index in groups:
                lines.append(f"-- {groups[index]} ".ljust(sum(widths) + 2 * len(widths) - 2, "-"))
            lines.append(_join(line, widths))
        lines.append("")
        start = stop
    lines += [f"[{letter}] {text}" for letter, text in table.notes]
    lines += [f"note: {remark}" for remark in table.remarks]
    return "\n".join(lines).rstrip() + "\n"


def _lines(row: Row, start: int, stop: int) -> Iterator[list[str]]:
    cells = row.cells[start:stop]
    if all(cell.published is None and cell.measured is None for cell in cells):
        return
    yield [row.title, *("-" if c.published is None else str(c.published) for c in cells)]
    yield ["  measured", *(cell.measured_text for cell in cells)]


def _group_starts(rows: Sequence[Row], start: int, stop: int) -> dict[int, str]:
    starts: dict[int, str] = {}
    count, last = 0, None
    for row in rows:
        lines = len(list(_lines(row, start, stop)))
        if lines and row.group != last:
            starts[count], last = row.group, row.group
        count += lines
    return starts


def _join(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
