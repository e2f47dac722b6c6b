from __future__ import annotations

import json
from pathlib import Path

import pytest

from kit.errors import KitError
from kit.report.compare import Entries, compare, entries, of_method, printed_entries
from kit.runs.collect import collect
from kit.runs.records import Result
from tests.conftest import Run
from tests.made_runs import make_run


def runs(method: str, values: tuple[float | None, ...], **changes: str) -> list[Result]:
    return [
        make_run("darcy-flow", method, seed, value, **changes)  # type: ignore[arg-type]
        for seed, value in enumerate(values)
    ]


def sides(*results: Result) -> tuple[Entries, Entries]:
    cells, remarks = entries(results)
    assert remarks == []
    return of_method(cells, "wrn"), of_method(cells, "dash")


def test_two_methods_of_ones_own_runs() -> None:
    both = [*runs("wrn", (0.070, 0.071, 0.072)), *runs("dash", (0.0710, 0.0712, 0.0711))]
    found = compare(*sides(*both), ("wrn", "dash"))
    (cell,) = found.cells
    assert (cell.task, cell.method, cell.metric) == ("darcy-flow", "", "relative-l2")
    assert cell.verdict is not None
    assert cell.verdict.label == "agrees"
    assert cell.verdict.difference == pytest.approx(0.0001)
    assert found.counts == {"agrees": 1}
    low, high = cell.first.interval or (0.0, 0.0)
    assert 0.070 <= low < high <= 0.072


def test_a_smaller_margin_cannot_tell_and_asks_for_seeds_of_both() -> None:
    both = [*runs("wrn", (0.070, 0.071, 0.072)), *runs("dash", (0.0710, 0.0712, 0.0711))]
    (cell,) = compare(*sides(*both), ("wrn", "dash"), margins={"relative-l2": 0.0005}).cells
    assert cell.verdict is not None
    assert cell.verdict.seeds is not None
    assert cell.verdict.seeds > 3
    assert cell.note == f"too few seeds: {cell.verdict.seeds} would tell"


def test_only_like_is_compared_with_like() -> None:
    smoke = runs("dash", (0.1, 0.1, 0.1), profile="smoke")
    found = compare(*sides(*runs("wrn", (0.1, 0.2, 0.3)), *smoke), ("wrn", "dash"))
    assert found.cells[0].verdict is None
    assert "profile lite" in str(found.cells[0].note)
    assert "profile smoke" in str(found.cells[0].note)
    assert found.over_tasks == ()


def test_a_seed_without_a_value_is_not_compared() -> None:
    both = [*runs("wrn", (0.1, None, 0.3)), *runs("dash", (0.1, 0.2, 0.3))]
    (cell,) = compare(*sides(*both), ("wrn", "dash")).cells
    assert (cell.verdict, cell.note) == (None, "not compared: a seed has no value")


def test_a_mean_that_was_refused_says_why_and_has_no_interval(kit: Run) -> None:
    spec = runs("wrn", (0.1, 0.2, 0.3))[0].spec
    make_run("darcy-flow", "wrn", 0, 0.1, settings={**spec.settings, "epochs": 1})
    for seed in range(3):
        make_run("darcy-flow", "dash", seed, 0.1, settings={**spec.settings, "epochs": 1 + seed})
    cells, _ = entries([*collect().results])
    (cell,) = compare(of_method(cells, "wrn"), of_method(cells, "dash"), ("wrn", "dash")).cells
    assert cell.note == "not compared: several runs of seed 0, settings differ"
    assert (cell.first.interval, cell.second.interval) == (None, None)
    shown = kit("compare", "wrn", "dash").stdout
    (line,) = (line for line in shown.splitlines() if line.startswith("darcy-flow "))
    assert "[" not in line


def test_a_seed_of_several_runs_alone_says_so() -> None:
    (only,) = runs("wrn", (0.1,))
    again = make_run("darcy-flow", "wrn", settings={**only.spec.settings, "epochs": 1})
    (cell,) = compare(*sides(only, again, *runs("dash", (0.1, 0.2))), ("wrn", "dash")).cells
    assert cell.note == "not compared: several runs of seed 0"


def test_rows_of_different_kinds_say_which(kit: Run) -> None:
    for method in ("wrn", "dash"):
        for seed in range(2):
            make_run("darcy-flow", method, seed, 0.1 + seed)
    alike = kit("compare", "wrn", "dash").stdout
    assert "kind" not in alike
    for method in ("wrn", "dash"):
        for seed in range(2):
            make_run("ecg", method, seed, 0.1 + seed, profile="smoke", tier="synthetic")
    mixed = kit("compare", "wrn", "dash").stdout.splitlines()
    (ecg,) = (line for line in mixed if line.startswith("ecg "))
    (darcy,) = (line for line in mixed if line.startswith("darcy-flow "))
    assert "profile smoke, released, tier synthetic" in ecg
    assert "profile lite, released, tier" in darcy
    assert any(line.startswith("over 2 tasks of mixed kinds dash wins") for line in mixed)


def test_a_method_without_runs_is_not_unknown(kit: Run) -> None:
    done = kit("compare", "wrn", "dash")
    assert done.returncode == 2
    told = "there is no run of method 'wrn' to compare; 'kit run TASK wrn' makes one"
    assert done.stderr == f"kit: {told}\n"
    make_run("darcy-flow", "wrn")
    make_run("darcy-flow", "dash", profile="smoke")
    done = kit("compare", "wrn", "dash", "--profile", "lite")
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert "no run of method 'dash' to compare; 1 run of a profile" in done.stderr
    assert "did you mean 'dash'" in kit("compare", "dasch", "wrn").stderr


def test_what_the_paper_prints_of_two_methods() -> None:
    cells = printed_entries("dash")
    found = compare(of_method(cells, "wrn"), of_method(cells, "amber"), ("wrn", "amber"))
    labels = {cell.task: cell.verdict.label for cell in found.cells if cell.verdict}
    assert labels == {"deepsea": "cell in doubt", "ecg": "cell in doubt", "satellite": "better"}
    ((_, over),) = found.over_tasks
    assert over.tasks == 1
    assert "only wrn has cifar-100" in found.remarks


def test_nothing_in_common_says_what_was_left_out() -> None:
    cells = printed_entries("dash")
    one = of_method(cells, "auto-deeplab")
    other = of_method(cells, "amber")
    with pytest.raises(KitError, match="no cell in common; it has overrides"):
        compare(one, other, ("a", "b"), remarks=["it has overrides"])
    with pytest.raises(KitError, match="did you mean 'amber'"):
        of_method(cells, "ambre")


def test_two_folders_of_results(kit: Run, tmp_path: Path) -> None:
    for name, errors in (("old", {"dash": 0.1, "wrn": 0.0}), ("new", {"dash": 0.2, "wrn": 0.2})):
        for method, error in errors.items():
            for seed in range(3):
                value = error + seed / 1000 if error else 0.0
                make_run("darcy-flow", method, seed, value, root=tmp_path / name / "runs")
    words = ("compare", str(tmp_path / "old"), str(tmp_path / "new"))
    done = kit(*words)
    assert done.returncode == 0, done.stderr
    assert "0 of 2 cells agree; 2 worse" in done.stdout
    assert kit(*words).stdout == done.stdout
    value = json.loads(kit(*words, "--format", "json").stdout)
    assert [cell["method"] for cell in value["cells"]] == ["dash", "wrn"]
    assert value["cells"][0]["verdict"]["label"] == "worse"
    assert len(value["cells"][0]["first"]["interval"]) == 2
    assert value["counts"] == {"worse": 2}
    changes = {each["method"]: each["change"] for each in value["over_tasks"]}
    assert changes == {"dash": pytest.approx(0.1 / 0.101), "wrn": None}  # from zero, infinite


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("dash", "wrm"), "unknown method 'wrm'; did you mean 'wrn'?"),
        (("dash", "wrn", "--margin", "mae8"), "METRIC=VALUE is wanted"),
        (("dash", "wrn", "--margin", "mae8=-1"), "with a value above 0"),
        (("dash", "wrn", "--paper", "dasch"), "did you mean 'dash'?"),
        ((".", "no such folder"), "'no such folder' is no folder of results"),
    ],
)
def test_a_users_mistake_is_one_line(kit: Run, words: tuple[str, ...], told: str) -> None:
    for method in ("dash", "wrn"):
        make_run(method_name=method)
    done = kit("compare", *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
