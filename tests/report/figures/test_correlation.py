"""Figure 5 of NAS-Bench-360: the published points, those of runs, and which runs it takes."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import msgspec
import pytest
from scipy.stats import pearsonr

from kit import method, task
from kit.cli import planning
from kit.errors import KitError
from kit.methods.densenas_random.info import DenseNasRandomSettings
from kit.report import figures
from kit.report.figures import correlation
from kit.report.figures.correlation import Point
from kit.report.kinds import WantedKind
from kit.runs.folder import RunFolder
from kit.spec import RunSpec
from tests.conftest import Run
from tests.made_runs import make_run
from tests.specs import smoke_spec

ANY: dict[str, Any] = {
    "seeds": (),
    "profile": "smoke",
    "protocol": None,
    "tier": None,
    "all_methods": False,
    "retry_failed": False,
}
ANY |= {"number": None, "study": None, "paper": "nas-bench-360", "figure": "5", "methods": ()}


def recipe(of: str) -> RunSpec:
    return smoke_spec("densenas-random", "recipe=figure-5", of=of)


def test_published_correlations_are_those_of_the_notebook() -> None:
    found = {
        (panel.task, each.source): (round(each.r or 0, 3), len(each.points))
        for panel in correlation.make([]).panels
        for each in panel.series
    }
    assert found == {
        ("fsd50k", "published"): (0.763, 30),
        ("cosmic", "published"): (0.155, 30),
        ("cosmic", "published, older"): (0.011, 30),
        ("ecg", "published"): (0.191, 30),
    }


@pytest.mark.parametrize("panel", correlation.make([]).panels, ids=lambda panel: panel.task)
def test_intervals_are_those_of_scipy(panel: correlation.SizePanel) -> None:
    for each in panel.series:
        x, y = zip(*((p.parameters, p.score) for p in each.points), strict=True)
        other = pearsonr(x, y)
        assert each.r == pytest.approx(other.statistic)
        assert each.interval == pytest.approx(tuple(other.confidence_interval()))


def test_the_published_sizes_of_cosmic_are_all_within_reach() -> None:
    """One path: 61,241 parameters, two layers' worth on the first block, five on the second."""
    reach = {61_241 + 18_560 * a + 56_672 * b for a in range(2) for b in range(6)}
    (cosmic,) = (panel for panel in correlation.make([]).panels if panel.task == "cosmic")
    assert {round(1e6 * point.parameters) for point in cosmic.series[0].points} <= reach


@pytest.mark.parametrize(
    ("points", "r", "whole"),
    [
        ([], None, False),
        ([(1.0, 0.5)], None, False),
        ([(1.0, 0.5), (1.0, 0.7)], None, False),
        ([(1.0, 0.5), (2.0, 0.7), (3.0, 0.6)], 0.5, False),
        ([(1.0, 0.5), (2.0, 0.7), (3.0, 0.9), (4.0, 1.1)], 1.0, False),
        ([(1.0, 0.5), (2.0, 0.7), (3.0, 0.6), (4.0, 0.9)], 0.832, True),
    ],
)
def test_few_points(points: list[tuple[float, float]], r: float | None, whole: bool) -> None:
    found = correlation.series("some", [Point(*each) for each in points])
    assert found.r == (None if r is None else pytest.approx(r, abs=1e-3))
    assert (found.interval is not None) == whole


def test_runs_of_the_recipe_stand_beside() -> None:
    spec = recipe("ecg")
    run = make_run(
        "ecg", "densenas-random", profile="smoke", tier="synthetic", settings=spec.settings
    )
    other = make_run("ecg", "densenas-random", profile="smoke", tier="synthetic")
    trials = [{"parameters": 1e6 * n, "score": 1 - n / 10} for n in (2.5, 5, 7.5)]
    trials.append({"parameters": 5e6, "score": math.nan})
    RunFolder(run.spec).set_output("search", {"trials": trials})
    RunFolder(other.spec).set_output("search", {"trials": trials[:1]})
    made = correlation.make([run, other])
    (ecg,) = (panel for panel in made.panels if panel.task == "ecg")
    published, measured = ecg.series
    assert published.source == "published"
    assert measured.source == "smoke, released, synthetic, seed 0"
    assert measured.points == (Point(2.5, 0.25), Point(5, 0.5), Point(7.5, 0.75))
    assert measured.r == pytest.approx(1)
    assert correlation.make([run], WantedKind("lite")).panels == correlation.make([]).panels
    assert "ecg            3  1.000   -                 smoke, released" in correlation.text(made)
    drawn = figures.render(correlation.draw(made), "svg")
    assert figures.render(correlation.draw(made), "svg") == drawn
    for word in ("ECG", "test f1", "published, r = 0.191", "seed 0, r = 1.000"):
        assert word in drawn.decode()


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        (
            {"overrides": ("recipe=figure-5", "trials.trials=2")},
            "it has overrides (trials.trials=2)",
        ),
        ({"method_version": 99}, "method version 99, now 2"),
        ({"overrides": ("recipe='figure-5'",)}, ""),
    ],
)
def test_runs_that_are_not_those_of_the_recipe_are_left_out(
    changes: dict[str, Any], why: str
) -> None:
    of: dict[str, Any] = {"profile": "smoke", "tier": "synthetic"}
    run = make_run("ecg", "densenas-random", **of, settings=recipe("ecg").settings, **changes)
    RunFolder(run.spec).set_output("search", {"trials": [{"parameters": 1e6, "score": 0.5}]})
    made = correlation.make([run])
    (ecg,) = (panel for panel in made.panels if panel.task == "ecg")
    assert len(ecg.series) == (1 if why else 2)
    told = [f"{run.spec.folder} is left out: {why}"] if why else []
    assert list(made.remarks[len(correlation.REMARKS) :]) == told


@pytest.mark.parametrize(
    ("of", "bound", "epochs"),
    [("fsd50k", 2_449_976, 10), ("cosmic", "none", 10), ("ecg", "none", 10)],
)
def test_its_recipe_tries_networks_on_the_test_data(of: str, bound: int | str, epochs: int) -> None:
    found = method.find("densenas-random").settings(
        task.find(of), "released", "paper", "published", ["recipe=figure-5"]
    )
    assert isinstance(found, DenseNasRandomSettings)
    assert (found.trials.trials, found.trials.epochs, found.trials.bound) == (30, epochs, bound)
    assert found.trials.cosine_epochs == 240
    assert found.data.folds("tune_val") == found.data.folds("test")
    assert found.data.folds("tune_fit") == found.data.folds("final_fit")


def test_its_plan_has_a_run_for_each_task() -> None:
    plan = planning.make(tasks=(), **ANY)
    assert [run.spec.task for run in plan.runs] == list(correlation.published())
    assert {run.spec.overrides for run in plan.runs} == {("recipe=figure-5",)}
    (one,) = planning.make(tasks=("ecg",), **ANY).runs
    assert one.spec.seed == 0
    with pytest.raises(KitError, match="unknown task of figure 5 'psicov'"):
        planning.make(tasks=("psicov",), **ANY)
    with pytest.raises(KitError, match="unknown method of figure 5 'wrn'"):
        planning.make(tasks=(), **{**ANY, "methods": ("wrn",)})


def test_the_command_measures_and_shows(kit: Run, tmp_path: Path) -> None:
    wanted = ("--figure", "5", "--paper", "nas-bench-360", "--profile", "smoke")
    done = kit("reproduce", *wanted, "--task", "ecg", "--format", "json")
    assert done.returncode == 0, done.stderr
    panels = json.loads(done.stdout)["panels"]
    (ecg,) = (panel for panel in panels if panel["task"] == "ecg")
    assert [each["source"] for each in ecg["series"]][1:] == ["smoke, released, synthetic, seed 0"]
    assert len(ecg["series"][1]["points"]) == 4
    file = tmp_path / "5.svg"
    shown = kit("figure", "5", "--paper", "nas-bench-360", "--output", str(file))
    assert shown.returncode == 0, shown.stderr
    assert "note: ecg: sizes of 0.04" in shown.stdout
    assert b"<svg" in file.read_bytes()


def test_its_data_are_json() -> None:
    made = correlation.make([])
    assert msgspec.convert(json.loads(msgspec.json.encode(made)), correlation.Sizes) == made
