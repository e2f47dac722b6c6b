"""Every table in every format: whole, stable, and nothing of its notes lost."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import pytest
from msgspec.structs import replace as replace_struct

from kit import papers
from kit.report import formats, table
from tests.report.test_tables import THREE, result

pytestmark = pytest.mark.usefixtures("counted")
TABLES = [(paper, number) for paper in papers.papers() for number in papers.tables(paper)]


@pytest.mark.parametrize(("paper", "number"), TABLES)
def test_every_table_in_every_format(paper: str, number: int) -> None:
    made = table.make(paper, number, THREE)
    cells = [cell for row in made.rows for cell in row.cells]
    texts = {form: formats.render(made, form) for form in formats.names()}
    for form, text in texts.items():
        assert text.endswith("\n"), form
        assert text == formats.render(made, form)
    for text in (texts["text"], texts["md"]):
        assert all(f"[{mark}] {words}" in text for mark, words in (*made.errata, *made.notes))
        assert all(str(cell.published) in text for cell in cells if cell.published)
    assert len(list(csv.DictReader(io.StringIO(texts["csv"])))) == len(cells)
    assert sum(len(row["cells"]) for row in json.loads(texts["json"])["rows"]) == len(cells)
    even_markdown(texts["md"])
    even_latex(texts["latex"])


def even_markdown(text: str) -> None:
    width = 0
    for line in text.splitlines():
        if not line.startswith("|"):
            width = 0
            continue
        found = len(re.findall(r"(?<!\\)\|", line))
        assert found == (width or found), line
        width = found


def even_latex(text: str) -> None:
    assert text.count(r"\begin{") == text.count(r"\end{")
    assert text.count("{") == text.count("}")
    width = 0
    for line in text.splitlines():
        if align := re.match(r"\\begin\{tabular\}\{((?:[lr]|p\{10em\})+)\}$", line):
            width = len(align[1].replace("p{10em}", "p"))
        elif line.endswith(r"\\") and not line.startswith(r"\multicolumn"):
            assert len(re.findall(r"(?<!\\)&", line)) == width - 1, line
    assert text.isascii()


@pytest.mark.parametrize("form", formats.names())
def test_same_results_same_bytes_in_any_order(form: str) -> None:
    results = [*THREE, *(result(seed, 0.2, name="wrn") for seed in range(3))]
    left = formats.render(table.make("dash", 5, results), form)
    assert left == formats.render(table.make("dash", 5, results[::-1]), form)


def test_marks_are_explained_as_what_they_are() -> None:
    made = table.make("nas-bench-360", 4, [])
    assert "▾ the lowest of its column" in formats.render(made, "text")
    sizes = replace(made, layout=replace_struct(made.layout, best=6))
    assert "▾ the method with the lowest error in Table 6" in formats.render(sizes, "text")
    assert "▾" not in formats.render(table.make("dash", 6, []), "text")
