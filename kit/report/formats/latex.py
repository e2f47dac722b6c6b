"""LaTeX with booktabs: one tabular per block, daggers where seeds are missing."""

from __future__ import annotations

from collections.abc import Iterable

from kit.report.table import Cell, Table

ESCAPES = {
    "\\": r"\textbackslash{}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "{": r"\{",
    "}": r"\}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "±": r"$\pm$",
    "ℓ": r"$\ell$",
}


def render(table: Table) -> str:
    """Return a ``table`` environment; it needs the package booktabs."""
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{escape(table.title)}}}"]
    start = 0
    for block in table.blocks:
        stop = start + len(block)
        lines += [rf"\begin{{tabular}}{{l{'r' * len(block)}}}", r"\toprule"]
        lines.append(_row(["", *(escape(column.title) for column in block)]))
        lines.append(_row(["", *(escape(column.metric) for column in block)]))
        group = None
        for row in table.rows:
            cells = row.cells[start:stop]
            if all(cell.published is None and cell.measured is None for cell in cells):
                continue
            if row.group != group:
                lines.append(r"\midrule")
                group = row.group
            printed = ["--" if c.published is None else escape(str(c.published)) for c in cells]
            lines.append(_row([escape(row.title), *printed]))
            lines.append(_row([r"\quad measured", *map(_measured, cells)]))
        lines += [r"\bottomrule", r"\end{tabular}", ""]
        start = stop
    notes = [rf"\textsuperscript{{{letter}}} {escape(text)}." for letter, text in table.notes]
    if any(cell.seeds for row in table.rows for cell in row.cells):
        notes.append(r"$\dagger$ seeds missing.")
    if notes:
        lines += [r"\par\footnotesize", *notes]
    lines.append(r"\end{table}")
    return "\n".join(lines) + "\n"


def escape(text: str) -> str:
    """Return text that LaTeX prints as it stands."""
    return "".join(ESCAPES.get(character, character) for character in text)


def _measured(cell: Cell) -> str:
    if cell.measured is None:
        return "not run"
    dagger = r"$^\dagger$" if cell.seeds else ""
    return rf"{escape(str(cell.measured))}\textsuperscript{{{cell.note}}}{dagger}"


def _row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"
