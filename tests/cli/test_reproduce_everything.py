"""``kit reproduce --everything``: what it has, what it tells, what it refuses."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from kit import papers
from kit.bench import epoch_times, step_times
from kit.cli.options import Placement
from kit.cli.reproduce import everything, runs, speed
from kit.cli.reproduce.everything import MEASURED, Filled, Part, RunKind
from kit.errors import KitError
from kit.files import write_json
from tests.conftest import Run
from tests.made_runs import make_run

KIND = RunKind(profile="smoke", protocol="released", tier=None)
TE_NAS = Part("nas-bench-360", "table", "4")


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_DATA", str(tmp_path / "data"))
    monkeypatch.setenv("KIT_RESULTS", str(tmp_path / "results"))


def listed(**how: Any) -> dict[Part, Filled]:
    found = everything.Contents(KIND).listing(everything.plans(KIND, (0,), False), **how)
    return {Part(each.paper, each.kind, each.name): each for each in found}


def test_all_tables_and_figures_of_both_papers_are_listed_once() -> None:
    found = everything.parts()
    assert len(found) == len(set(found))
    tables = [(part.paper, int(part.name)) for part in found if part.kind == "table"]
    assert tables == [(of, number) for of in papers.papers() for number in papers.tables(of)]
    assert len(tables) == 15
    figures = {(part.paper, part.name) for part in found if part.kind == "figure"}
    assert figures >= {("dash", name) for name in ("1a", "2", "3")}
    assert figures >= {("nas-bench-360", name) for name in ("1", "2", "5", "6")}


def test_every_run_behind_any_part_is_planned_once() -> None:
    made = everything.plans(KIND, (0,), False)
    ids = [run.spec.id for run in everything.together(made).runs]
    assert len(ids) == len(set(ids))
    assert set(ids) == {run.spec.id for plan in made.values() for run in plan.runs}
    # Every method and task of a paper, and no control of the kit's own.
    names = {run.spec.method for run in everything.together(made).runs}
    assert {"te-nas", "amber", "auto-deeplab", "dash-tcn", "dash-convnext", "xgboost"} <= names
    assert not names & {"constant", "dash-random"}


def test_the_list_tells_what_each_part_is_filled_from_and_else_the_reason(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    facts, scores = Part("dash", "table", "4"), Part("dash", "table", "7")
    profiles = Part("nas-bench-360", "figure", "1")
    monkeypatch.setattr(everything, "parts", lambda: [facts, scores, *MEASURED, TE_NAS, profiles])
    before = listed()
    assert before[TE_NAS].state == "not filled"
    assert "0 of 8 runs" in before[TE_NAS].why
    assert before[TE_NAS].why.endswith("never run")
    for task in ("cifar-100", "spherical", "ninapro", "darcy-flow"):
        for method in ("te-nas", "darts-gaea"):
            make_run(task, method, profile="smoke")
    after = listed()
    assert after[TE_NAS].state == "filled from runs"
    assert after[TE_NAS].why == "8 of 8 runs; 8 cells measured"
    assert after[facts].state == "computed"
    assert after[scores].why.startswith("0 of 6 runs; 6 cells published only; ")
    assert after[profiles].state == "not filled"
    assert {after[part].state for part in MEASURED} == {"not filled"}


def test_before_the_runs_nothing_is_called_missing() -> None:
    found = listed(to_come=True)
    assert {each.state for each in found.values()} == {
        "filled from runs",
        "computed",
        "measured here",
    }
    assert found[TE_NAS].why == "0 of 8 runs are done"


def test_what_is_printed_ends_with_the_list(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    facts, speed = Part("nas-bench-360", "table", "1"), Part("dash", "figure", "2")
    profiles = Part("nas-bench-360", "figure", "1")
    done: list[object] = []
    monkeypatch.setattr(everything, "parts", lambda: [facts, TE_NAS, profiles, speed])
    monkeypatch.setattr(runs, "fill", lambda *_, **__: 3)
    monkeypatch.setattr(everything, "_measure", lambda *_: done.append("measured"))
    failed = everything.reproduce("text", False, Placement(), KIND, (0,), False)
    assert failed == 3
    assert done == ["measured"]
    out = capsys.readouterr().out
    assert "Task metadata for NAS-Bench-360" in out
    assert "figure 1 of nas-bench-360: figure 1 cannot be drawn from what is measured" in out
    assert out.splitlines()[-1] == "4 tables and figures: 1 computed, 3 not filled"
    everything.reproduce("json", False, Placement(), KIND, (0,), False)
    found = json.loads(capsys.readouterr().out)
    assert [each["name"] for each in found] == ["1", "4", "1", "2"]
    assert found[3]["why"] == "not measured"


def test_it_takes_neither_a_part_nor_another_format(kit: Run) -> None:
    for words, told in (
        (("--table", "5"), "leave out --table, --figure, --study, --task and --method"),
        (("--task", "ecg"), "leave out --table, --figure, --study, --task and --method"),
        (("--format", "latex"), "--everything is printed as text or json"),
    ):
        failed = kit("reproduce", "--everything", "--profile", "smoke", *words)
        assert (failed.returncode, failed.stderr.count("\n")) == (2, 1)
        assert told in failed.stderr
    shown = kit("reproduce", "--everything", "--profile", "smoke", "--dry-run", "--format", "json")
    assert shown.returncode == 0, shown.stderr
    plan = json.loads(shown.stdout)
    assert len(plan["parts"]) == len(everything.parts())
    assert {run["action"] for run in plan["runs"]} == {"run"}


def test_an_unknown_form_is_refused_before_anything_runs() -> None:
    with pytest.raises(KitError, match="text or json"):
        everything.reproduce("csv", False, Placement(), KIND, (0,), False)


def test_what_was_timed_by_other_code_is_timed_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    measured: list[str] = []
    monkeypatch.setattr(speed, "epochs", lambda *_: measured.append("8"))
    monkeypatch.setattr(speed, "steps", lambda number, *_: measured.append(str(number)))
    facts: dict[str, Any] = {
        **{"profile": "smoke", "tier": "synthetic", "device": "CPU", "threads": 1},
        **{"torch": "2", "batch": 2, "code": step_times.timed_code()},
    }
    write_json(
        epoch_times.file_of("smoke"),
        epoch_times.EpochTimes(**facts, images=1, side=1, epochs=[]),
    )
    for figure in (2, 3):
        facts["code"] = step_times.timed_code() if figure == 2 else "of before"
        kept = step_times.StepTimes(**facts, figure=figure, steps=1, rounds=1, points=[])
        write_json(step_times.file_of(figure, "smoke"), kept)
    everything._measure("smoke", None, None, False)
    assert measured == ["3"]
