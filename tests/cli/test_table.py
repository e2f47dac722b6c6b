from __future__ import annotations

import json
import re

import pytest

from tests.conftest import Run
from tests.made_runs import make_run


def test_all_tables_are_listed(kit: Run) -> None:
    rows = json.loads(kit("list", "tables", "--format", "json").stdout)
    found = [(row["paper"], row["table"]) for row in rows]
    assert found == [("dash", n) for n in range(4, 11)] + [
        ("nas-bench-360", n) for n in range(1, 9)
    ]
    assert {row["from"] for row in rows} >= {"runs", "task folders", "another table"}
    head, *lines = kit("list", "tables").stdout.splitlines()
    assert head.split()[:3] == ["paper", "table", "cells"]
    assert len(lines) == len(rows)


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("4",), "computed from the task folders: 47 of 50 cells as printed"),
        (("6",), "[1] components add up to 15.52"),
        (("3", "--paper", "nas-bench-360"), "swapped with DenseNAS random"),
        (("1", "--paper", "nas-bench-360"), "the distances are between residues"),
    ],
)
def test_tables_that_need_no_run(kit: Run, words: tuple[str, ...], told: str) -> None:
    done = kit("table", *words)
    assert done.returncode == 0, done.stderr
    assert told in done.stdout
    assert done.stderr == ""


def test_no_run_stands_behind_a_table_of_facts(kit: Run) -> None:
    done = kit("plan", "--table", "4")
    assert done.returncode == 2
    assert "no run stands behind table 4 of dash; 'kit table' prints it" in done.stderr


def test_runs_behind_a_table_that_follows_from_another(kit: Run) -> None:
    words = ("plan", "--paper", "nas-bench-360", "--task", "ecg", "--profile", "smoke")
    plans = [
        json.loads(kit(*words, "--table", number, "--format", "json").stdout)["runs"]
        for number in ("2", "3")
    ]
    assert plans[0] == plans[1]
    assert {run["method"] for run in plans[0]} == {"wrn"}


def test_a_part_of_a_table(kit: Run) -> None:
    done = kit("table", "5", "--rows", "dash", "--rows", "WRN-ASHA", "--columns", "ecg")
    assert done.returncode == 0, done.stderr
    assert "ECG" in done.stdout
    assert "CIFAR-100" not in done.stdout
    assert [line.split()[0] for line in done.stdout.splitlines() if "±" in line] == [
        "WRN-ASHA",
        "DASH",
    ]
    rows = json.loads(kit("table", "5", "--rows", "dash", "--format", "json").stdout)["rows"]
    assert [row["method"] for row in rows] == ["dash"]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--rows", "dahs"), "unknown row 'dahs'; did you mean 'dash'"),
        (("--columns", "ecgs"), "unknown column 'ecgs'; did you mean 'ecg'"),
        (("--measured-only",), "no run of this table is there; 'kit reproduce --table' makes"),
    ],
)
def test_a_part_that_there_is_not(kit: Run, words: tuple[str, ...], told: str) -> None:
    done = kit("table", "5", *words)
    assert (done.returncode, done.stdout) == (2, "")
    assert told in done.stderr


@pytest.mark.parametrize("form", ["text", "md", "latex", "csv", "json"])
def test_what_was_measured_alone(kit: Run, form: str) -> None:
    for seed in (0, 1, 2):
        make_run("ecg", "dash", seed, 0.31 + seed / 100, log="x")
    done = kit("table", "5", "--measured-only", "--format", form)
    assert done.returncode == 0, done.stderr
    assert "0.32" in done.stdout
    for absent in ("WRN-ASHA", "CIFAR-100", "0.007"):
        assert absent not in done.stdout


def test_a_margin_of_no_metric(kit: Run) -> None:
    done = kit("compare", "dash", "wrn", "--margin", "zero-one-eror=1")
    assert done.returncode == 2
    assert "unknown metric 'zero-one-eror'; did you mean 'zero-one-error'" in done.stderr


def test_the_length_of_short_runs_is_told_in_seconds(kit: Run) -> None:
    for seed in (0, 1, 2):
        make_run("darcy-flow", "dash", seed, 0.1, profile="smoke", log="x")
    done = kit("plan", "--table", "5", "--task", "darcy-flow", "--profile", "smoke", "--seed", "7")
    assert re.search(r"\d s +darcy-flow dash seed 7", done.stdout), done.stdout
