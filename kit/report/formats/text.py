"""Plain text: each row as printed, below it what is computed and what was measured."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

from kit.report.grid import Cell, Line, Row, Table

# Lower is better everywhere.
BEST = {"column": "▾", "group": "▿", None: ""}


def render(table: Table) -> str:
    """Return the table for a terminal."""
    lines = [f"Table {table.number} of {table.paper}: {table.title}", ""]
    stubs = list(table.layout.stubs)
    for block, rows in table.parts():
        heads = [[*stubs, *(" ".join(column.titles) for column in block)]]
        if any(column.heading for column in block):
            heads.append(["" for _ in stubs] + [column.heading for column in block])
        groups: dict[int, str] = {}
        body: list[list[str]] = []
        last = ""
        for row, cells in rows:
            if row.group != last:
                groups[len(body)] = last = row.group
            body += _lines(table, row, cells)
        widths = [max(map(len, cells)) for cells in zip(*heads, *body, strict=True)]
        lines += [_join(head, widths) for head in heads]
        for index, line in enumerate(body):
            if index in groups:
                lines.append(f"-- {groups[index]} ".ljust(sum(widths) + 2 * len(widths) - 2, "-"))
            lines.append(_join(line, widths))
        lines.append("")
    lines += legend(table)
    lines += [f"[{mark}] {text}" for mark, text in (*table.errata, *table.notes)]
    lines += [f"note: {remark}" for remark in table.remarks]
    return "\n".join(lines).rstrip() + "\n"


def legend(table: Table) -> list[str]:
    """Say what the marks of the lowest numbers stand for, a line each."""
    cells = [cell for row in table.rows for cell in row.cells]
    marks = {cell.best for cell in cells}
    if isinstance(table.layout.best, int):
        column = f"{BEST['column']} the method with the lowest error in Table {table.layout.best}"
    else:
        column = f"{BEST['column']} the lowest of its column (measured: of the same kind)"
    lines = [column] if "column" in marks or any(cell.best_measured for cell in cells) else []
    return lines + ([f"{BEST['group']} the lowest of its group"] if "group" in marks else [])


def stub(titles: Sequence[str], line: Line, *, first: bool, indent: str = " ") -> list[str]:
    """Return what stands before the cells of a line: the row's titles, or what the line has."""
    title, *others = titles
    if line == "published":
        return [*titles]
    return [f"{title}: {line}", *others] if first else [f"{indent} {line}", *[""] * len(others)]


def _lines(table: Table, row: Row, cells: Sequence[Cell]) -> Iterator[list[str]]:
    show: dict[Line, Callable[[Cell], str]] = {
        "published": lambda cell: _published(cell, table.layout.missing),
        "computed": lambda cell: cell.computed_text,
        "measured": _measured,
    }
    for place, line in enumerate(table.lines(cells)):
        yield [*stub(row.titles, line, first=place == 0), *map(show[line], cells)]


def _published(cell: Cell, missing: str) -> str:
    text = f"{cell.published}{cell.suffix}" if cell.published else missing
    return text + BEST[cell.best] + (f" [{cell.erratum}]" if cell.erratum else "")


def _measured(cell: Cell) -> str:
    return cell.measured_text + (BEST["column"] if cell.best_measured else "")


def _join(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip()
