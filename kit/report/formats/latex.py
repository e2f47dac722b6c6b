"""LaTeX with booktabs: one tabular per block, daggers where seeds are missing."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Iterator, Sequence

from kit.papers import TableHeader
from kit.report.formats.text import legend, stub
from kit.report.grid import Cell, Line, Row, Table

APART = "\u200b"
"""Keeps two hyphens from becoming one dash; a space of no width."""

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
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "±": r"$\pm$",
    "×": r"$\times$",
    "ℓ2": r"$\ell_2$",
    "ℓ₂": r"$\ell_2$",
    "ℓ": r"$\ell$",
    "✓": r"$\surd$",
    "≈": r"$\approx$",
    "–": "--",
    "—": "---",
    "‘": "`",
    "’": "'",
    "“": "``",
    "”": "''",
    "…": r"\dots{}",
    "−": "$-$",
    "≤": r"$\leq$",
    "≠": r"$\neq$",
    "≥": r"$\geq$",
    "→": r"$\to$",
    "µ": r"$\mu$",
    "τ": r"$\tau$",
    "²": r"$^2$",
    "³": r"$^3$",
    "|": r"\textbar{}",
    "α": r"$\alpha$",
    APART: "{}",
}
PARTS = re.compile("|".join(map(re.escape, ESCAPES)) + "|.", re.DOTALL)
ACCENTS = "\u0300\u0301\u0302\u0303\u0308\u030a\u030c\u0327"  # those of TeX's first fonts
# More characters than that are a sentence.
LONG = 28
SENTENCES = r"p{10em}"
STYLES = {"column": r"\textbf{%s}", "group": r"\underline{%s}", None: "%s"}
SIGNS = {"▾": "Bold:", "▿": "underlined:"}
# In words they would be wider than the page.
VERDICTS = {
    "agrees": r"\surd",
    "better": r"\downarrow",
    "worse": r"\uparrow",
    "cannot tell": "?",
    "cell in doubt": "!",
}


def render(table: Table) -> str:
    """Return a ``table`` environment; it needs the package booktabs."""
    lines = [r"\begin{table}", r"\centering", rf"\caption{{{escape(table.title)}}}"]
    lines.append(r"\footnotesize")  # in a larger size the widest tables leave the page
    for block, rows in table.parts():
        lines += _tabular(table, block, rows)
    if notes := _notes(table):
        lines += [r"\par", *notes]
    lines.append(r"\end{table}")
    return "\n".join(lines) + "\n"


def _tabular(
    table: Table, block: Sequence[TableHeader], rows: Sequence[tuple[Row, Sequence[Cell]]]
) -> list[str]:
    """Return the ``tabular`` of a block."""
    stubs = table.layout.stubs
    align = ["l"] * len(stubs)
    align += [_alignment(cells[place] for _, cells in rows) for place in range(len(block))]
    lines = [rf"\begin{{tabular}}{{{''.join(align)}}}", r"\toprule"]
    lines.append(_row([*map(escape, stubs), *(escape(" ".join(c.titles)) for c in block)]))
    if any(column.heading for column in block):
        lines.append(_row([*("" for _ in stubs), *(escape(c.heading) for c in block)]))
    group = None
    for row, cells in rows:
        if row.group != group:
            lines.append(r"\midrule")
            group = row.group
            if group:
                title = rf"\emph{{{escape(group)}}}"
                lines.append(rf"\multicolumn{{{len(align)}}}{{l}}{{{title}}} \\")
        lines += _lines(table, [escape(title) for title in row.titles], cells)
    return [*lines, r"\bottomrule", r"\end{tabular}", ""]


def _notes(table: Table) -> list[str]:
    """Return what stands below the table, in sentences: first what its marks mean."""
    notes = [f"{escape(in_words(line))}." for line in legend(table)]
    marked = (*table.errata, *table.notes)
    notes += [rf"\textsuperscript{{{mark}}} {escape(text)}." for mark, text in marked]
    cells = [cell for row in table.rows for cell in row.cells]
    given = {cell.verdict.label for cell in cells if cell.verdict}
    if judged := [f"$^{sign}$ {label}" for label, sign in VERDICTS.items() if label in given]:
        notes.append(f"{', '.join(judged)}.")
    if any(cell.seeds for cell in cells):
        notes.append(r"$\dagger$ seeds missing.")
    return [*notes, *(f"{escape(remark)}." for remark in table.remarks)]


def escape(text: str) -> str:
    """Return text that LaTeX prints as it stands, with ``?`` for what its fonts lack."""
    text = re.sub("-(?=-)", f"-{APART}", text)
    if text.startswith(("[", "*")):  # else it would be an argument of the row before
        text = APART + text
    return "".join(ESCAPES.get(part) or _known(part) for part in PARTS.findall(text))


def in_words(text: str) -> str:
    """Return text with the styles of this format in place of the signs of others."""
    for sign, word in SIGNS.items():
        text = text.replace(sign, word)
    return text


def _alignment(cells: Iterable[Cell]) -> str:
    """Return a column's letter: numbers to the right, sentences in lines of their own."""
    texts = (str(part) for cell in cells for part in (cell.published or "", cell.computed_text))
    return SENTENCES if any(len(text) > LONG for text in texts) else "r"


def _known(character: str) -> str:
    if character.isascii():
        return character if character.isprintable() else " "
    parts = unicodedata.normalize("NFD", character)
    accented = len(parts) == 2 and parts[0].isascii() and parts[1] in ACCENTS
    return character if accented and character < "\u0180" else "?"


def _lines(table: Table, titles: list[str], cells: Sequence[Cell]) -> Iterator[str]:
    missing = {"-": "--"}.get(table.layout.missing, table.layout.missing)
    show: dict[Line, Callable[[Cell], str]] = {
        "published": lambda cell: _published(cell, missing),
        "computed": lambda cell: escape(cell.computed_text),
        "measured": _measured,
    }
    for place, line in enumerate(table.lines(cells)):
        before = stub(titles, line, first=place == 0, indent=r"\quad")
        yield _row([*before, *map(show[line], cells)])


def _published(cell: Cell, missing: str) -> str:
    text = escape(f"{cell.published}{cell.suffix}") if cell.published else missing
    return STYLES[cell.best] % text + _mark(cell.erratum)


def _measured(cell: Cell) -> str:
    if cell.derived is not None:
        return escape(f"{cell.derived.text}{cell.suffix}") + _mark(cell.note)
    dagger = r"$^\dagger$" if cell.seeds else ""
    aside = ", ".join(filter(None, (cell.provisional, cell.uncounted)))
    aside = f" ({aside})" if aside else ""
    if cell.measured is None:
        text = "n/a" if cell.inapplicable else "not run"
        return escape(text) + _mark(cell.note) + aside
    style = STYLES["column" if cell.best_measured else None]
    judged = f"$^{VERDICTS[cell.verdict.label]}$" if cell.verdict else ""
    text = escape(f"{cell.measured}{cell.suffix}{aside}")
    return style % text + _mark(cell.note) + dagger + judged


def _mark(mark: str | None) -> str:
    return rf"\textsuperscript{{{mark}}}" if mark else ""


def _row(cells: Iterable[str]) -> str:
    return " & ".join(cells) + r" \\"
