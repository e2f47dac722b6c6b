from __future__ import annotations

import json

import msgspec
import pytest

from kit import method
from kit.cli.planning import behind
from kit.errors import KitError
from kit.report.figures import profiles
from kit.spec import RunSpec
from tests.conftest import Run


def test_behind_profiles_are_the_methods_of_their_curves() -> None:
    for paper in ("dash", "nas-bench-360"):
        for name in profiles.names(paper):
            with pytest.MonkeyPatch.context() as patch:
                rows = ["wrn", "wrn-asha", "densenas", "darts-gaea", "densenas-random", "expert"]
                rows += ["dash", "tcn"]
                patch.setattr(method, "names", lambda rows=rows: rows)
                table, methods = behind(name, paper, ())
            assert table == profiles.definition(paper, name).table
            assert "wrn" in methods
            assert "tcn" not in methods


def test_a_curve_that_no_method_can_fill_is_told_before_anything_runs(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(method, "names", lambda: ["wrn", "dash"])
    with pytest.raises(KitError, match="Hand-Designed in figure 1a needs expert, which this kit"):
        behind("1a", "dash", ())
    with pytest.raises(KitError, match="DenseNAS in figure 1 needs densenas, which was not asked"):
        behind("1", "nas-bench-360", ("wrn",))
    with pytest.raises(KitError, match="unknown figure of dash '4'; there is 1a, 2, 3"):
        behind("4", "dash", ())


def test_plan_and_submit_know_figures_and_studies(kit: Run) -> None:
    small = ("--profile", "smoke", "--task", "darcy-flow", "--seed", "0")

    def runs(*words: str) -> list[str]:
        done = kit("plan", *words, *small, "--format", "json")
        assert done.returncode == 0, done.stderr
        return [run["id"] for run in json.loads(done.stdout)["runs"]]

    def submitted(*words: str) -> list[str]:
        done = kit("submit", "--slurm", *words, *small, "--dry-run", "--format", "json")
        assert done.returncode == 0, done.stderr
        arrays = json.loads(done.stdout)
        return [msgspec.convert(run, RunSpec).id for array in arrays for run in array["runs"]]

    figure, study = ("--figure", "1a"), ("--study", "ablation")
    assert set(runs(*figure)) < set(runs("--table", "5", "--all-methods"))
    assert len(runs(*study)) == 7
    for wanted in (figure, study):
        assert sorted(submitted(*wanted)) == sorted(runs(*wanted))
    for words, told in (
        (("plan", *figure, *study), "say which: --table N, --figure N, or --study NAME"),
        (
            ("plan", *study, "--method", "wrn"),
            "a study has methods of its own: leave out --method and --all-methods",
        ),
        (
            ("reproduce", "--figure", "3", "--profile", "smoke", "--dry-run"),
            "figure 3 is a speed test, without runs: 'kit reproduce' measures it",
        ),
        (("plan", *study, "--paper", "das"), "unknown paper 'das'; did you mean 'dash'?"),
        (
            ("plan", "--figure", "2"),
            "figure 2 is a speed test, without runs: 'kit reproduce' measures it",
        ),
    ):
        done = kit(*words)
        assert (done.returncode, done.stderr.count("\n")) == (2, 1)
        assert told in done.stderr
