"""What is wrong with results shows in the table as what it is, in every format."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kit.files import write_json
from kit.report import formats, table
from kit.report.grid import Cell, Table
from kit.report.kinds import WantedKind
from kit.runs.collect import collect
from kit.runs.folder import RunFolder
from kit.runs.records import Result
from tests.conftest import Run
from tests.report.test_tables import result


def keep(*results: Result) -> list[Path]:
    files = [RunFolder(each.spec).result for each in results]
    for file, each in zip(files, results, strict=True):
        write_json(file, each)
    return files


def darcy() -> tuple[Table, Cell]:
    found = collect()
    made = table.make("dash", 5, found.results, rejected=found.rejected)
    (row,) = [row for row in made.rows if row.method == "dash"]
    (cell,) = [cell for cell in row.cells if cell.key.task == "darcy-flow"]
    return made, cell


def shown(made: Table, form: str) -> str:
    """Return what a format has in the one cell that is of interest."""
    text = formats.render(made, form)
    if form == "csv":
        rows = csv.DictReader(io.StringIO(text))
        (row,) = [r for r in rows if (r["method"], r["task"]) == ("dash", "darcy-flow")]
        return row["state"]
    if form == "json":
        (line,) = [row for row in json.loads(text)["rows"] if row["method"] == "dash"]
        return str(line["cells"][2]["state"])
    return text


def everywhere(made: Table, words: str) -> None:
    for form in formats.names():
        assert words in shown(made, form), form


def test_a_missing_seed() -> None:
    keep(result(0, 0.05), result(2, 0.07))
    made, cell = darcy()
    assert cell.measured_text == "0.060±0.014 (2 of 3) [a]"
    for form in ("text", "md", "csv", "json"):
        assert "2 of 3" in shown(made, form)
    assert r"$^\dagger$" in shown(made, "latex")


def test_a_metric_that_is_not_a_number() -> None:
    keep(result(0, 0.05), result(1, None), result(2, 0.07))
    made, cell = darcy()
    assert cell.measured is not None
    assert cell.measured.mean is None
    everywhere(made, "NaN (1/3)")


def test_a_run_of_a_newer_schema() -> None:
    *_, newer = keep(result(0, 0.05), result(1, 0.06), result(2, 0.07))
    content: dict[str, Any] = msgspec.json.decode(newer.read_bytes())
    write_json(newer, content | {"schema": 3, "colour": "new"})
    made, cell = darcy()
    assert cell.unread == ("schema 3 instead of 2",)
    for form in ("text", "md", "csv", "json"):
        assert "2 of 3, 1 unread" in shown(made, form)
    assert any("schema 3 instead of 2" in remark for remark in made.remarks)


def test_only_runs_of_a_newer_schema() -> None:
    (file,) = keep(result(0, 0.05))
    write_json(file, msgspec.json.decode(file.read_bytes()) | {"schema": 3})
    made, cell = darcy()
    assert cell.measured_text == "not run (1 unread)"
    everywhere(made, "1 unread")


def test_a_truncated_result_and_one_in_a_foreign_folder() -> None:
    first, second = keep(result(0, 0.05), result(1, 0.06))
    first.write_bytes(first.read_bytes()[:100])
    second.parent.rename(second.parent.with_name("seed-1-00000000"))
    _, cell = darcy()
    assert len(cell.unread) == 2
    assert cell.measured_text == "not run (2 unread)"


def test_another_protocol_or_profile_is_named_and_not_averaged() -> None:
    keep(*(result(seed, 0.05 + seed / 100) for seed in range(3)))
    keep(result(0, 9.0, protocol="clean"), result(0, 8.0, profile="smoke"))
    made, cell = darcy()
    assert cell.measured is not None
    assert cell.measured.mean == pytest.approx(0.06)
    (_, note), *_ = made.notes
    assert "profile lite, protocol released" in note
    assert "not in this mean: 1 of lite-clean on regenerated data" in note
    assert "1 of smoke-released on regenerated data" in note


def test_runs_that_were_not_asked_for_are_counted() -> None:
    keep(*(result(seed, 0.05) for seed in range(3)))
    made = table.make("dash", 5, collect().results, wanted=WantedKind("smoke"))
    assert all(cell.measured is None for row in made.rows for cell in row.cells)
    assert "3 runs of a profile, protocol or tier that was not asked for" in made.remarks
    (one,) = (kept for kept in collect().results if kept.spec.seed == 1)
    made = table.make("dash", 5, [one], wanted=WantedKind("smoke"))
    assert "1 run of a profile, protocol or tier that was not asked for" in made.remarks


def test_a_run_that_was_not_scored_on_the_metric() -> None:
    scored = result(0, 0.05)
    renamed = {"another": scored.metrics["relative-l2"]}
    keep(msgspec.structs.replace(scored, metrics=renamed))
    _, cell = darcy()
    assert cell.measured is None
    assert cell.unread == ("seed 0 was not scored on relative-l2",)


def test_a_duplicated_seed(kit: Run) -> None:
    once = result(0, 0.05)
    again = result(0, 0.9, settings={**once.spec.settings, "batch_size": 3})
    keep(once, again, result(1, 0.06), result(2, 0.07))
    made, cell = darcy()
    assert cell.measured is not None
    assert (cell.measured.mean, cell.measured.seeds, cell.measured.duplicate_seeds) == (
        None,
        (1, 2),
        (0,),
    )
    everywhere(made, "several runs of seed 0")
    done = kit("table", "5")
    assert done.returncode == 2
    assert "several runs of seed 0" in done.stdout
    for each in (once, again):
        assert str(each.spec.folder) in done.stderr


def test_seeds_with_other_settings_have_no_mean() -> None:
    first = result(0, 0.05)
    other = result(1, 0.06, settings={**first.spec.settings, "batch_size": 3})
    keep(first, other, result(2, 0.07))
    made, cell = darcy()
    assert cell.measured is not None
    assert cell.measured.mean is None
    everywhere(made, "settings differ")
    (conflict,) = made.conflicts
    assert str(other.spec.folder) in conflict
