from __future__ import annotations

import shutil
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from kit import method, plan, task
from kit.cli import planning
from kit.data import new_task
from kit.data.prepared import OTHER_DATA
from kit.data.writing import write_prepared
from kit.engines.execute import ExecuteOptions, execute
from kit.errors import KitError
from kit.files import write_json
from kit.method import MethodInfo
from kit.plan.data import check_disk
from kit.plan.earlier import RUN_BYTES
from kit.plan.request import PlanRequest
from kit.runs.folder import RunFolder
from kit.spec import RunSpec
from kit.task import Contents
from tests.made_runs import make_run


def request(**changes: Any) -> PlanRequest:
    made = PlanRequest(
        "dash", 5, "smoke", "released", tasks=("darcy-flow",), methods=("wrn", "dash")
    )
    return replace(made, **changes)


def test_all_runs_of_a_table_with_reasons() -> None:
    made = plan.make(request())
    assert len(made.runs) == 6
    assert {run.reason for run in made.runs} == {"never run"}
    assert {run.spec.method for run in made.runs} == {"wrn", "dash"}
    assert {run.spec.seed for run in made.runs} == {0, 1, 2}
    (data,) = made.data
    assert (data.ready, data.tier) == (False, "regenerated")
    assert "--profile smoke" in data.command


def test_the_dash_family_and_its_backbones_are_planned_unless_asked_for_more() -> None:
    made = plan.make(request(table=10, tasks=(), methods=()))
    assert {run.spec.method for run in made.runs} == {"wrn", "convnext", "dash", "dash-convnext"}


def test_a_table_without_the_dash_family_is_planned_whole() -> None:
    made = plan.make(request(paper="nas-bench-360", table=4, tasks=(), methods=()))
    assert {run.spec.method for run in made.runs} == {"te-nas", "darts-gaea"}


@pytest.mark.usefixtures("darcy")
def test_what_is_done_is_kept_and_what_was_left_says_so() -> None:
    wrn = plan.make(request(methods=("wrn",))).runs
    execute(wrn[0].spec, ExecuteOptions())
    RunFolder(wrn[1].spec).set_status("failed", failure="oom", message="no memory left")
    RunFolder(wrn[2].spec).set_status("cancelled", stage="train")
    again = {run.spec.seed: run for run in plan.make(request(methods=("wrn",))).runs}
    assert (again[0].action, again[0].reason) == ("keep", "has a valid result")
    assert again[0].hours is not None
    assert again[1].reason == "failed before (oom): no memory left"
    assert again[2].reason == "interrupted in train; resumes there"


def test_the_memory_that_other_seeds_took_is_what_a_run_needs() -> None:
    wanted = request(methods=("wrn",))
    assert [run.memory for run in plan.make(wanted).runs] == [None] * 3
    for seed, memory in ((0, 5), (1, 7), (2, None)):
        make_run("darcy-flow", "wrn", seed, profile="smoke", gpu_memory=memory)
    make_run("darcy-flow", "wrn", 9, profile="smoke", protocol="clean", gpu_memory=99)
    other = make_run("darcy-flow", "wrn", 3, profile="smoke")
    write_json(RunFolder(other.spec).result, msgspec.structs.replace(other, stages={}))
    runs = plan.make(replace(wanted, seeds=(1, 4))).runs
    assert {run.spec.seed: run.memory for run in runs} == {1: 7, 4: 7}


@pytest.mark.usefixtures("darcy")
def test_what_failed_stays_so_until_asked_for_again() -> None:
    runs = plan.make(request(methods=("wrn",))).runs
    folder = RunFolder(runs[0].spec)
    folder.path.mkdir(parents=True)
    folder.set_status("failed", failure="oom", message="no memory left")
    failed = {run.spec.seed: run for run in plan.make(request(methods=("wrn",))).runs}
    assert (failed[0].action, failed[1].action) == ("failed", "run")
    assert len(plan.make(request(methods=("wrn",))).todo) == 2
    again = plan.make(request(methods=("wrn",), retry_failed=True))
    assert len(again.todo) == 3
    reasons = {run.spec.seed: run.reason for run in again.runs}
    assert reasons[0] == "failed before (oom): no memory left; again, as asked"
    with folder.opened():
        folder.set_status("running", stage="train")
        now = {run.spec.seed: run for run in plan.make(request(methods=("wrn",))).runs}
    assert (now[0].action, now[0].reason) == ("run", "is being run in train; waits for it")


@pytest.mark.usefixtures("darcy")
def test_what_failed_by_no_fault_of_the_run_is_run_again() -> None:
    folder = RunFolder(plan.make(request(methods=("wrn",))).runs[0].spec)
    folder.path.mkdir(parents=True)
    folder.set_status("failed", failure="disk", message="no space left")
    again = {run.spec.seed: run for run in plan.make(request(methods=("wrn",))).runs}
    assert again[0].action == "run"
    assert again[0].reason == (
        "failed before (disk): no space left; again, since the run was not to blame"
    )


def test_a_run_that_reads_others_brings_them_along(monkeypatch: pytest.MonkeyPatch) -> None:
    def inputs(self: MethodInfo, spec: RunSpec) -> dict[str, RunSpec]:
        if self.name != "dash":
            return {}
        wrn = method.find("wrn").spec(
            task.find(spec.task), spec.seed, protocol="released", profile="smoke", tier=spec.tier
        )
        return {"width": wrn}

    monkeypatch.setattr(MethodInfo, "inputs", inputs)
    runs = {run.spec.id: run.spec for run in plan.make(request(methods=("dash",))).runs}
    assert sorted(spec.method for spec in runs.values()) == ["dash"] * 3 + ["wrn"] * 3
    for spec in runs.values():
        if spec.method == "dash":
            assert runs[spec.inputs["width"]].seed == spec.seed


def test_room_is_counted_and_missing_room_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    made = plan.make(request(profile="paper", tier="published"))
    data = sum(source.size or 0 for source in task.find("darcy-flow").sources)
    assert made.bytes == 6 * RUN_BYTES["paper"] + made.data[0].bytes
    assert made.data[0].bytes >= data
    check_disk(made)
    usage = shutil._ntuple_diskusage(10**12, 10**12 - made.bytes + 1, made.bytes - 1)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage)
    with pytest.raises(KitError, match=r"needs about .* GB in .*results.* GB are free; make room"):
        check_disk(made)


def test_ten_thousand_runs_are_planned_quickly() -> None:
    everything = {"profile": "paper", "tasks": (), "methods": (), "all_methods": True}
    cells = len(plan.make(request(**everything, seeds=(0,))).runs)
    seeds = tuple(range(10_000 // cells + 1))
    began = time.process_time()
    made = plan.make(request(**everything, seeds=seeds))
    assert len(made.runs) >= 10_000
    # The target is two seconds; a loaded machine shall not fail this.
    assert time.process_time() - began < 4.0
    hours = [run.hours for run in made.todo if run.hours is not None]
    assert hours == sorted(hours, reverse=True)


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


def test_a_method_of_no_paper_may_be_asked_for() -> None:
    made = plan.make(request(methods=("linear", "wrn"), seeds=(0,)))
    assert [run.spec.method for run in made.runs] == ["wrn", "linear"]
    assert not {"linear", "constant"} & {run.spec.method for run in plan.make(request()).runs}
    with pytest.raises(KitError, match="linear is not in table 7"):
        plan.make(request(table=7, tasks=(), methods=("linear",)))


def prepared_anew(folder: Path) -> None:
    """Prepare Darcy Flow again, with other pressures."""
    arrays = {file.stem: np.load(file) for file in folder.glob("*.npy")}
    arrays["y"] *= 2
    folds = {name[5:]: arrays.pop(name) for name in list(arrays) if name.startswith("fold-")}
    contents = Contents(arrays=arrays, folds=folds, origin={})
    write_prepared(folder, task.find("darcy-flow"), "regenerated", {"train": 12}, contents)


def test_a_run_is_made_anew_when_its_data_were(own_darcy: Path) -> None:
    wanted = request(methods=("wrn",), seeds=(0,))
    (first,) = plan.make(wanted).runs
    before = execute(first.spec, ExecuteOptions())
    assert plan.make(wanted).runs[0].action == "keep"
    prepared_anew(own_darcy)
    (again,) = plan.make(wanted).runs
    assert (again.action, again.reason) == ("run", OTHER_DATA)
    after = execute(first.spec, ExecuteOptions())
    assert before is not None
    assert after is not None
    assert after.provenance.data != before.provenance.data
    assert plan.make(wanted).runs[0].action == "keep"
    assert [file.name for file in RunFolder(first.spec).path.glob("*.rejected")]
    # A result is as good where its data are not.
    shutil.rmtree(own_darcy)
    assert plan.make(wanted).runs[0].action == "keep"


def test_what_was_begun_with_other_data_begins_anew(own_darcy: Path) -> None:
    (run,) = plan.make(request(methods=("dash",), seeds=(0,))).runs
    execute(run.spec, ExecuteOptions(until="search"))
    folder = RunFolder(run.spec)
    searched = folder.output("search")
    prepared_anew(own_darcy)
    logged: list[str] = []
    execute(run.spec, ExecuteOptions(until="search", log=logged.append))
    assert logged[0].endswith("begins anew")
    assert folder.output("search") != searched
    logged.clear()
    execute(run.spec, ExecuteOptions(until="search", log=logged.append))
    assert logged == []


def test_of_unknown_lengths_what_took_the_paper_longest_comes_first() -> None:
    made = plan.make(request(methods=("linear", "wrn", "dash"), seeds=(0,)))
    assert {run.hours for run in made.runs} == {None}
    assert [run.spec.method for run in made.runs] == ["dash", "wrn", "linear"]


def test_own_samples_too_small_for_a_method_leave_the_others(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.savez(tmp_path / "brief.npz", x=np.random.default_rng(0).random((20, 8)), y=[0, 1] * 10)
    new_task.create("brief", tmp_path / "brief.npz", tmp_path)
    monkeypatch.setenv("KIT_TASKS", str(tmp_path))
    wanted: planning.Wanted = {
        "number": None,
        "figure": None,
        "study": None,
        "paper": "dash",
        "tasks": ("brief",),
        "methods": (),
        "seeds": (0,),
        "all_methods": True,
        "retry_failed": False,
        "profile": "smoke",
        "protocol": None,
        "tier": "sample",
    }
    made = planning.make(**wanted)
    left = {name: reason for _, name, reason in made.skipped}
    assert "sequences of 8 positions are too short" in left["amber"]
    assert {"wrn", "dash", "constant"} <= {run.spec.method for run in made.runs}
    wanted["methods"] = ("amber",)  # asked for by name, it is an error
    with pytest.raises(KitError, match="sequences of 8 positions are too short"):
        planning.make(**wanted)
