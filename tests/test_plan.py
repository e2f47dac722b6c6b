from __future__ import annotations

import subprocess
import sys

import pytest

from kit import plan
from kit.engines.execute import Options, execute
from kit.errors import KitError
from kit.plan import Request
from kit.runs.folder import RunFolder


def request(**changes: object) -> Request:
    values: dict[str, object] = {"paper": "dash", "table": 5, "profile": "smoke"}
    values |= {"protocol": "released", "methods": ("wrn", "dash")}
    return Request(**{**values, "tasks": ("darcy-flow",), **changes})  # type: ignore[arg-type]


def test_all_runs_of_a_table_with_reasons() -> None:
    made = plan.make(request())
    assert len(made.runs) == 6
    assert {run.reason for run in made.runs} == {"never run"}
    assert {run.spec.method for run in made.runs} == {"wrn", "dash"}
    assert {run.spec.seed for run in made.runs} == {0, 1, 2}
    (data,) = made.data
    assert (data.ready, data.tier) == (False, "regenerated")
    assert "--profile smoke" in data.command


@pytest.mark.usefixtures("darcy")
def test_what_is_done_is_kept_and_what_was_left_says_so() -> None:
    wrn = plan.make(request(methods=("wrn",))).runs
    execute(wrn[0].spec, Options())
    RunFolder(wrn[1].spec).set_status("failed", failure="oom", message="no memory left")
    RunFolder(wrn[2].spec).set_status("cancelled", stage="train")
    again = {run.spec.seed: run for run in plan.make(request(methods=("wrn",))).runs}
    assert (again[0].action, again[0].reason) == ("keep", "has a valid result")
    assert again[0].hours is not None
    assert again[1].reason == "failed before (oom): no memory left"
    assert again[2].reason == "interrupted in train; resumes there"


def test_hours_of_full_runs_come_from_the_papers_longest_first() -> None:
    made = plan.make(request(profile="paper", tier="published"))
    assert [run.hours for run in made.runs] == [5.3] * 3 + [0.5] * 3
    assert not made.data[0].automatic


def test_wrong_names_are_told_before_anything_starts() -> None:
    for changes, words in (
        ({"tasks": ("darcy-flaw",)}, "did you mean 'darcy-flow'"),
        ({"methods": ("dsah",)}, "did you mean 'dash'"),
        ({"table": 99}, "no table 99"),
        ({"tier": "sample"}, "darcy-flow has no sample data; there is published, regenerated"),
    ):
        with pytest.raises(KitError, match=words):
            plan.make(request(**changes))


def test_planning_needs_no_torch() -> None:
    code = (
        "import sys, kit.plan, kit.report.formats, kit.runs.collect; kit.plan.method.find('dash')"
    )
    code += "; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
