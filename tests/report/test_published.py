"""The printed side of every table, against the text of the papers where that is at hand."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from kit import papers, paths
from kit.report import table
from kit.report.grid import Cell, Table

pytestmark = pytest.mark.usefixtures("counted")
TABLES = [(paper, number) for paper in papers.papers() for number in papers.tables(paper)]
WRAPPED = ("dash", 4)  # its cells run over several lines of the text
SIGNATURES = {"dash": "A.7 Runtime of DASH", "nas-bench-360": "# NAS-Bench-360"}


def text_of(paper: str) -> str:
    folder = Path(os.environ.get("KIT_PAPERS", paths.project().parent / "shared" / "papers"))
    for file in sorted(folder.glob("*.txt")):
        text = file.read_text(encoding="utf-8")
        if SIGNATURES[paper] in text:
            return text
    pytest.skip(f"the text of {paper} is not at hand; KIT_PAPERS names a folder of both")


def plain(line: str) -> str:
    """Return a line without marks of footnotes and references, one space between words."""
    line = re.sub(r"<math>(.*?)</math>", r"\1", line.replace("$", ""))
    line = line.replace(r"\pm", "±").replace(r"\ell_2", "ℓ2").replace(" <sub>8</sub>", "8")
    line = re.sub(r" *<sup>†</sup>|\*| *\[[\d, ]+\]", "", line)
    return " ".join(line.split()).replace(" ± ", "±")


def printed(cell: Cell, missing: str) -> str:
    text = f"{cell.published}{cell.suffix}" if cell.published else missing
    return f"<b>{text}</b>" if cell.best == "column" else text


def lines_of(made: Table, bold: bool) -> Iterator[str]:
    for _, rows in made.parts():
        for row, cells in rows:
            if row.group == table.OTHERS:
                continue
            texts = [printed(cell, made.layout.missing) for cell in cells]
            line = plain(" ".join([*row.titles, *texts]))
            yield line if bold else re.sub("</?b>", "", line)


@pytest.mark.parametrize(("paper", "number"), [each for each in TABLES if each != WRAPPED])
def test_every_row_stands_in_the_paper_digit_by_digit(paper: str, number: int) -> None:
    text = text_of(paper)
    found = {plain(line) for line in text.splitlines()}
    # The text of DASH has lost its bold type.
    for line in lines_of(table.make(paper, number, []), bold=paper != "dash"):
        assert line in found


def test_the_wrapped_table_has_the_letters_of_the_paper() -> None:
    text = text_of("dash")
    text = text[text.index("Task name # Data") : text.index("A.5 Evaluation of DASH")]
    made = table.make(*WRAPPED, [])
    starts = [text.index(f"\n{row.title} ") for row in made.rows] + [len(text)]
    for row, start, stop in zip(made.rows, starts, starts[1:], strict=False):
        ours = "".join([*row.titles, *(str(cell.published) for cell in row.cells)])
        theirs = re.sub(r"\[\d+\]", "", text[start:stop])
        assert letters(ours) == letters(theirs)


def letters(text: str) -> list[str]:
    return sorted(re.sub(r"[\s-]", "", text))


def test_titles_of_columns_stand_in_the_paper() -> None:
    for paper, number in TABLES:
        lines = {plain(line) for line in text_of(paper).splitlines()}
        for block in papers.layout(paper, number).blocks:
            words = plain(" ".join(" ".join(column.titles) for column in block))
            assert any(words in line for line in lines), (paper, number, words)


@pytest.mark.parametrize(("paper", "number"), TABLES)
def test_what_is_computed_is_as_printed_or_its_note_says_why_not(paper: str, number: int) -> None:
    made = table.make(paper, number, [])
    cells = [cell for row in made.rows for cell in row.cells]
    for cell in cells:
        if cell.computed and cell.computed.agrees is False:
            assert cell.published is not None
            assert cell.published.note, cell.key
    judged = {(p, n) for p, n in TABLES if papers.layout(p, n).cells in ("facts", "sizes", "ranks")}
    assert any(cell.computed for cell in cells) or (paper, number) not in judged
