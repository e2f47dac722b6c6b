"""What one form of a table says, the others say, too."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import replace

import msgspec
import pytest

from kit import method
from kit.report import formats, table
from kit.report.cells import number
from kit.report.formats.latex import escape
from kit.report.own import formats as own_formats
from kit.report.own import table as own_table
from kit.report.selection import select
from kit.report.tables.facts import METRICS
from kit.runs.collect import Rejected
from kit.runs.folder import RunFolder
from kit.runs.records import Result
from tests.made_runs import make_run
from tests.report.test_tables import DARCY, THREE, result


def of_cifar(name: str, *values: float | None) -> list[Result]:
    return [make_run("cifar-100", name, seed, value) for seed, value in enumerate(values)]


def again(of: Result) -> Result:
    """Another run for the same seed."""
    return msgspec.structs.replace(of, spec=msgspec.structs.replace(of.spec, inputs={"x": "y"}))


def test_rows_without_printed_numbers_keep_their_whole_titles() -> None:
    names = ("densenas", "densenas-random", "wrn", "wrn-asha")
    found = [each for name in names for each in of_cifar(name, 0.1, 0.2, 0.3)]
    made = select(table.make("nas-bench-360", 2, found), measured_only=True)
    titles = [row.titles for row in made.rows if row.method in names]
    assert len({first for first, *_ in titles}) < len(titles)
    text, latex = (formats.render(made, form) for form in ("text", "latex"))
    for first, second, *_ in titles:
        assert any(
            line.startswith(f"{first}: measured") and second in line for line in text.splitlines()
        )
        start = f"{escape(first)}: measured & {escape(second)} &"
        assert any(line.startswith(start) for line in latex.splitlines())


def test_the_counts_are_those_of_the_part_that_is_shown() -> None:
    made = table.make("dash", 5, [*THREE, *of_cifar("dash", 1.0)])
    assert any("1 on regenerated data, 1 on" in remark for remark in made.remarks)
    part = select(made, columns=["darcy-flow"])
    assert "cells measured here: 1 on regenerated data" in part.remarks
    assert [each for each in made.remarks if each not in part.remarks] == [
        each for each in made.remarks if each.startswith("cells measured here")
    ]
    only = select(made, measured_only=True)
    assert any(each.startswith("not run:") for each in made.remarks)
    assert not any(each.startswith("not run:") for each in only.remarks)


def test_runs_that_a_table_has_not_are_no_conflict_of_it() -> None:
    twice = [each for one in of_cifar("densenas", 0.1) for each in (one, again(one))]
    assert len(table.make("nas-bench-360", 2, twice).conflicts) == 1
    assert table.make("dash", 8, twice).conflicts == ()


def test_latex_says_what_stands_beside_a_number() -> None:
    paper = [
        make_run("darcy-flow", "dash", seed, 0.008, profile="paper", tier="published")
        for seed in (0, 1)
    ]
    gone = RunFolder(paper[0].spec).path.with_name("seed-7-00000000") / "result.json"
    made = table.make("dash", 5, paper, rejected=[Rejected(gone, "it is damaged")])
    (cell,) = [cell for row in made.rows for cell in row.cells if cell.measured]
    assert cell.verdict is not None
    text, latex = (formats.render(made, form) for form in ("text", "latex"))
    for words in (cell.verdict.label, "1 unread"):
        assert words in text
        assert escape(words) in latex
    assert "Bold: the method with" in latex or "Bold: the lowest" in latex
    assert r"n/a\textsuperscript{" in latex


def test_latex_prints_what_stands_there() -> None:
    assert not [title for title in METRICS.values() if "?" in escape(title)]
    assert escape("--format a|b") == r"-{}-format a\textbar{}b"
    assert escape("---") == "-{}-{}-"
    assert escape("[x] of *") == "{}[x] of *"
    assert escape("*x") == "{}*x"


@pytest.mark.parametrize(
    ("mean", "std", "text"),
    [
        (0.1, 8e-18, "0.1"),
        (0.0845, 0.00123, "0.0845±0.0012"),
        (1.5e12, 7.07e11, "1.50e+12±7.1e+11"),
        (3e-12, 4.2e-13, "3.00e-12±4.2e-13"),
        (0.0, 2e-10, "0.0e+00±2.0e-10"),
        (123456.0, 12345.0, "123456±12345"),
    ],
)
def test_digits_are_those_of_the_deviation(mean: float, std: float, text: str) -> None:
    assert number(mean, std) == text


def own(results: list[Result]) -> own_table.TaskTable:
    return own_table.make(DARCY, results)


def row_of(made: own_table.TaskTable, name: str) -> own_table.Row:
    (row,) = [row for row in made.rows if row.method == name]
    return row


def test_a_seed_that_lacks_a_metric_is_told_and_takes_no_part() -> None:
    found = [result(seed, value, "wrn") for seed, value in enumerate((0.9, 0.8, 0.7))]
    lacking = [*found[:2], msgspec.structs.replace(found[2], metrics={})]
    others = [result(seed, 0.1 + seed / 100, "dash") for seed in range(3)]
    row = row_of(own([*lacking, *others]), "wrn")
    assert "seed 2 not scored on relative-l2" in row.state
    best = row_of(own([*found, *others]), "dash").scores[0]
    assert best.mark == "best"
    assert row_of(own([*lacking, *others]), "dash").scores[0].mark == ""
    assert row.scores[0].mark == ""


def test_why_there_is_no_mean_is_in_every_form() -> None:
    wrn = [result(seed, None if seed else 0.1, "wrn") for seed in range(3)]
    made = own(wrn)
    (line,) = [
        line
        for line in csv.DictReader(io.StringIO(own_formats.render(made, "csv")))
        if (line["method"], line["metric"]) == ("wrn", "relative-l2")
    ]
    assert (line["mean"], line["state"]) == ("", "NaN (2/3)")
    (told,) = [
        row["scores"]["relative-l2"]
        for row in json.loads(own_formats.render(made, "json"))["rows"]
        if row["method"] == "wrn"
    ]
    assert (told["mean"], told["text"]) == (None, "NaN (2/3)")
    twice = [*THREE, again(THREE[0])]
    clashing = own(twice)
    assert len(clashing.conflicts) == 1
    for form in own_formats.FORMATS:
        if form != "csv":  # which has no notes
            assert "2 valid runs for seed 0 of one cell" in own_formats.render(clashing, form)


def test_markdown_shows_titles_as_they_are() -> None:
    made = own(THREE)
    (row,) = [row for row in made.rows if row.method == "dash"]
    odd = "[x] <b>E</b> | *st* a_b"
    text = own_formats.as_markdown(replace(made, title="<script>", rows=(replace(row, title=odd),)))
    assert r"\[x\] \<b>E\</b> \| \*st\* a\_b" in text
    assert r"**\<script>**" in text
    assert method.find("dash").title in own_formats.as_markdown(made)
    paper = table.make("dash", 5, THREE)
    changed = [replace(each, titles=(odd,)) for each in paper.rows]
    text = formats.render(replace(paper, rows=tuple(changed)), "md")
    assert r"| \[x\] \<b>E\</b> \| \*st\* a\_b |" in text
