from __future__ import annotations

import json

import pytest

from tests.conftest import Run


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
