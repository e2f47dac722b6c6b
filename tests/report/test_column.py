"""A column of the papers' tables: rows, seconds, order, and how alike two orders are."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kit import task
from kit.data.prepared import OTHER_DATA
from kit.report import choice, column, column_formats, compare
from kit.report.figures.column import draw
from kit.report.own import table as own_table
from kit.runs.collect import collect
from kit.runs.records import Result, StageRecord
from tests.conftest import Run
from tests.made_runs import make_run

DARCY = task.find("darcy-flow")


@pytest.fixture(autouse=True)
def own_results(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_RESULTS", str(tmp_path / "results"))


def run(name: str, value: float, seed: int = 0, **seconds: float) -> Result:
    stages = {
        stage: StageRecord(active_seconds=each, sessions=1, gpu_memory=None)
        for stage, each in seconds.items()
    }
    return msgspec.structs.replace(make_run("darcy-flow", name, seed, value), stages=stages)


def results() -> list[Result]:
    return [
        run("wrn", 0.05, train=10),
        run("wrn", 0.07, 1, train=20),
        run("expert", 0.01, train=5),
        run("dash", 0.02, search=3, tune=4, retrain=6),
        run("densenas", 0.03, search=7, evaluate=8),
        run("dash-random", 0.04, tune=4, retrain=6),
    ]


def test_runs_that_fill_no_cell_do_not_decide_which_kind_is_shown() -> None:
    changed = [
        make_run("darcy-flow", name, 0, 0.5, profile="smoke", overrides=("data.samples={}",))
        for name in ("wrn", "expert", "dash", "te-nas", "densenas", "dash-random", "linear")
    ]
    made = column.make(DARCY, [*changed, *results()])
    assert made.kind == ("lite", "released", "regenerated")
    assert len(made.rows) == 5
    mine = own_table.make(DARCY, [*changed, *results()])
    assert mine.kind == made.kind


def test_of_kinds_with_as_many_methods_both_tables_show_the_same() -> None:
    found = [make_run(profile=profile) for profile in ("lite", "paper", "smoke")]
    shown = {made.kind for each in (found, found[::-1]) for made in tables_of(each)}
    assert len(shown) == 1


def tables_of(found: list[Result]) -> tuple[column.Column, own_table.TaskTable]:
    return column.make(DARCY, found), own_table.make(DARCY, found)


def test_rows_are_in_the_measured_order_with_the_printed_one_beside() -> None:
    made = column.make(DARCY, results())
    rows = {row.method: row for row in made.rows}
    assert [*rows] == ["expert", "dash", "densenas", "dash-random", "wrn"]
    assert made.kind == ("lite", "released", "regenerated")
    assert rows["wrn"].measured.mean == pytest.approx(0.06)
    # Of DASH's Table 5 and NAS-Bench-360's Table 6: 0.0079, 0.008, 0.073, 0.1.
    printed = {name: row.printed and row.printed.value for name, row in rows.items()}
    assert printed == {
        "expert": 0.008,
        "dash": 0.0079,
        "densenas": 0.1,
        "dash-random": None,
        "wrn": 0.073,
    }
    assert {name: row.ranks for name, row in rows.items()} == {
        "expert": (1, 2),
        "dash": (2, 1),
        "densenas": (3, 4),
        "dash-random": None,
        "wrn": (4, 3),
    }
    # 1 - 6 (1 + 1 + 1 + 1) / (4 (16 - 1)).
    assert made.agreement.rho == pytest.approx(0.6)


def test_seconds_are_those_of_searching_tuning_and_training() -> None:
    rows = {row.method: row for row in column.make(DARCY, results()).rows}
    assert rows["dash"].seconds == (3, 4, 6)
    assert rows["densenas"].seconds == (7, None, 8)
    assert rows["dash-random"].seconds == (None, 4, 6)
    assert rows["wrn"].seconds == (None, None, 15)


def test_how_alike_two_orders_are() -> None:
    """The interval by hand: tanh(atanh 0.6 ± 1.95996 sqrt((1 + 0.18) / 1)); 4! orders."""
    found = column.agreement([1, 2, 3, 4], [2, 1, 4, 3])
    assert found.rho == pytest.approx(0.6)
    assert found.interval == pytest.approx((-0.89287, 0.99295), abs=1e-4)
    reversed_orders = column.agreement([1, 2, 3, 4], [4, 3, 2, 1])
    assert (reversed_orders.rho, reversed_orders.interval) == (-1, None)
    assert reversed_orders.p == pytest.approx(2 / 24)
    assert column.agreement([1.0], [2.0]).rho is None
    assert column.agreement([1.0, 2.0], [3.0, 3.0]).rho is None
    assert column.agreement([1, 2, 3], [1, 3, 2]).interval is None


def test_what_is_shown() -> None:
    made = column.make(DARCY, results())
    lines = column_formats.as_markdown(made).splitlines()
    assert len({line.count("|") for line in lines if line.startswith("|")}) == 1
    assert "| WRN | 0.060±0.014 (2) |  |  | 15 | 0.073±0.001 | 4 | 3 |" in lines
    assert "| DASH-random | 0.04 (1) |  | 4 | 6 | in no paper |  |  |" in lines
    told = column_formats.as_text(made)
    assert "regenerated, not the papers' data" in told
    assert "of 4 methods is +0.60 (95 % -0.89 to +0.99)" in told
    plain: Any = json.loads(json.dumps(column_formats.as_json(made)))
    assert plain["spearman"]["methods"] == 4
    assert plain["rows"][0]["seconds"] == {"search": None, "tune": None, "train": 5}


def test_what_has_no_mean_is_left_out_aloud(kit: Run) -> None:
    for seed in (0, 1, 2):
        settings = make_run("darcy-flow", "wrn", seed, 0.1).spec.settings
        make_run("darcy-flow", "linear", seed, None if seed == 1 else 0.3)
        changed = {**settings, "epochs": 1 + seed}
        make_run("darcy-flow", "expert", seed, 0.01, settings=changed)
    first = make_run("darcy-flow", "te-nas", 0, 0.2).spec
    make_run("darcy-flow", "te-nas", 0, 0.2, settings={**first.settings, "epochs": 1})
    made = column.make(DARCY, collect().results)
    assert [row.method for row in made.rows] == ["wrn"]
    left_out = [
        "left out expert: settings differ",
        "left out linear: NaN (1/3)",
        "left out te-nas: several runs of seed 0",
    ]
    assert column_formats.as_json(made)["remarks"] == (*left_out,)
    done = kit("column", "darcy-flow")
    assert done.stdout.splitlines()[-3:] == [f"- {line}" for line in left_out]


def test_no_method_with_a_mean(kit: Run) -> None:
    make_run("darcy-flow", "wrn", 0, None)
    done = kit("column", "darcy-flow", "--output", "x.svg")
    assert done.returncode == 2
    told = "Darcy Flow: no method has a mean over seeds."
    assert done.stderr == f"kit: there is nothing to draw; {told}\n"


def test_seeds_that_were_not_made_alike_are_marked() -> None:
    runs = [run("wrn", 0.05), run("wrn", 0.07, 1)]
    other = msgspec.structs.replace(runs[1].provenance, data="e" * 64)
    made = column.make(DARCY, [runs[0], msgspec.structs.replace(runs[1], provenance=other)])
    for shown in (column_formats.as_text(made), column_formats.as_markdown(made)):
        assert "0.060±0.014 ≠ (2)" in shown
        assert "- wrn: ≠ seeds differ in data\n" in shown
    assert column_formats.as_json(made)["rows"][0]["differs"] == ("data",)


def test_runs_that_fill_no_cell_are_told_in_short() -> None:
    changed = [
        make_run("darcy-flow", "wrn", seed, 0.5, overrides=("data.samples={}\x1b",))
        for seed in range(4)
    ]
    alone = column.make(DARCY, changed)
    assert "nothing was run yet" in column_formats.notes(alone)[0]
    for made in (alone, column.make(DARCY, [*changed, *results()])):
        assert len(made.remarks) == 4
        (note,) = (note for note in column_formats.notes(made) if note.startswith("- "))
        assert note.startswith("- 4 runs fill no cell; the first: darcy-flow/wrn/")
        assert "\x1b" not in note


def test_the_picture_has_a_row_per_method() -> None:
    drawn = draw(column.make(DARCY, results()))
    left, right = drawn.axes
    names = [each.get_text() for each in left.get_yticklabels()]
    assert names == ["WRN", "DASH-random", "DenseNAS", "DASH", "Expert"]
    assert len(right.lines) == 4
    assert "+0.60" in drawn._suptitle.get_text()


def test_the_picture_has_errors_of_zero() -> None:
    left, right = draw(column.make(DARCY, results())).axes
    assert (left.get_xscale(), right.get_xscale()) == ("log", "log")
    left, right = draw(column.make(DARCY, [*results(), run("linear", 0.0)])).axes
    assert (left.get_xscale(), right.get_xscale()) == ("linear", "log")
    low, high = left.get_xlim()
    assert low < 0 < 0.07 < high


def test_a_task_without_runs(kit: Run) -> None:
    done = kit("column", "darcy-flow")
    assert done.returncode == 0, done.stderr
    assert "kit reproduce --task darcy-flow --all-methods" in done.stdout
    assert "measured" not in done.stdout
    nothing = kit("column", "darcy-flow", "--output", "x.svg")
    assert nothing.returncode == 2
    assert nothing.stderr.startswith("kit: there is nothing to draw; Darcy Flow: nothing was run")
    wrong = kit("column", "darcy-flw")
    assert (wrong.returncode, wrong.stderr.count("\n")) == (2, 1)


def test_rows_on_data_that_were_replaced_since_say_so_and_are_not_compared(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    found = results()
    old = {each.spec.id for each in found if each.spec.method in ("expert", "wrn")}
    origins = [
        msgspec.structs.replace(each.provenance, data="e" * 64 if each.spec.id in old else "d" * 64)
        for each in found
    ]
    found = [
        msgspec.structs.replace(each, provenance=origin)
        for each, origin in zip(found, origins, strict=True)
    ]
    monkeypatch.setattr(choice, "is_current", lambda data, *_: data == "d" * 64)
    made, mine = tables_of(found)
    assert {f"{name}: {OTHER_DATA}" for name in ("expert", "wrn")} <= {*made.remarks}
    rows = {row.method: row for row in mine.rows}
    assert [name for name, row in rows.items() if OTHER_DATA in row.state] == ["expert", "wrn"]
    marked = [name for name, row in rows.items() if row.scores[0].mark == "best"]
    assert marked == ["dash"], "expert has a lower error, on other samples"
    assert any("replaced since" in note for note in mine.notes)
    _, remarks = compare.entries(found)
    assert f"darcy-flow wrn: {OTHER_DATA}" in remarks
