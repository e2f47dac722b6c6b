"""Arrays of made-up runs on a real Slurm of three nodes with two stand-in GPUs each."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kit import paths
from kit.engines.devices import GIB
from kit.engines.engine import SweepOptions
from kit.engines.jobs import Job
from kit.engines.queue import Queue
from kit.engines.slots import Gpus
from kit.engines.slurm import arrays, client, submission
from kit.errors import KitError
from kit.runs.folder import RunFolder
from tests.engines.chaos import FakeLocal
from tests.engines.fake_run import spec_of
from tests.engines.slurm.conftest import SMALL, Cluster, seeds, until
from tests.made_runs import make_run

pytestmark = pytest.mark.slurm
RUNS = int(os.environ.get("KIT_CHAOS_RUNS", "12"))


def locally(seeds: Sequence[int], uuids: Sequence[str]) -> float:
    """Do runs by the local engine; returns the seconds that it took."""
    began = time.monotonic()
    jobs = [Job(spec_of("darcy-flow", "wrn", seed)) for seed in seeds]
    ends = Queue(jobs, FakeLocal(SweepOptions()), Gpus(uuids)).run()
    assert not any(end.failure for end in ends)
    return time.monotonic() - began


def test_a_sweep_that_changes_engines_and_loses_a_node(
    cluster: Cluster,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Every run is done once, no GPU is shared, and the table is the local engine's."""
    cluster.set(seconds=0.8)
    uuids = [line.split()[0] for line in (tmp_path / "gpus").read_text().splitlines()]
    with monkeypatch.context() as patch:
        patch.setenv("KIT_RESULTS", str(tmp_path / "local"))
        alone = locally(range(RUNS), uuids)
        ideal = slept(cluster.lines) / len(uuids)
        made = cluster.kit("reproduce", *SMALL, *seeds(RUNS))
        assert made.returncode == 0, made.stderr
        table = made.stdout
    assert f"{RUNS - 1}; profile smoke" in table.replace("\n", " ")
    (tmp_path / "journal").unlink()

    locally([0, 1], uuids[:2])
    planned = json.loads(cluster.kit("plan", *SMALL, *seeds(RUNS), "--format", "json").stdout)
    began = time.monotonic()
    done = cluster.submit(RUNS)
    assert done.returncode == 0, done.stderr
    (array,) = (paths.results() / "slurm").glob("*/array.json")
    submitted = [spec["seed"] for spec in json.loads(array.read_bytes())["runs"]]
    assert submitted == [run["seed"] for run in planned["runs"] if run["action"] == "run"]
    until(lambda: any(line["gpus"][0] in uuids[4:] for line in cluster.lines))
    node = ["scontrol", "update", "NodeName=node3"]
    subprocess.run([*node, "State=DOWN", "Reason=test"], check=True)
    # Refused where the node has already come back by itself.
    subprocess.run([*node, "State=RESUME"], capture_output=True, check=False)
    cluster.finish()
    took = time.monotonic() - began

    lines = cluster.lines
    once = dict.fromkeys(range(RUNS), 1)
    assert Counter(line["seed"] for line in lines if line["what"] == "end") == once
    assert all(one_at_a_time(lines, uuid) for uuid in uuids)
    assert cluster.kit("reproduce", *SMALL, *seeds(RUNS)).stdout == table
    assert list(paths.results().rglob("*.lock")) == []
    attempts = [RunFolder(spec_of("darcy-flow", "wrn", seed)).attempt() for seed in range(RUNS)]
    engines = [attempt.engine for attempt in attempts if attempt]
    assert engines == ["local"] * 2 + ["slurm"] * (RUNS - 2)
    begun_again = len(cluster.begun()) - RUNS
    # What a run costs beyond its own time, as seconds of a GPU.
    local = (alone - ideal) * len(uuids) / RUNS
    here = (took - ideal) * len(uuids) / (RUNS - 2)
    with capsys.disabled():
        print(
            f"\nslurm: {RUNS} runs on {len(uuids)} GPUs of 3 nodes, 2 of them by the local engine "
            f"first, a node lost ({begun_again} begun again): each done once, no GPU shared, same "
            f"table; {took:.1f} s; overhead {here:.1f} s per run, node loss and all; local engine "
            f"alone {alone:.1f} s, {local:.1f} s per run"
        )


def slept(lines: Sequence[dict[str, Any]]) -> float:
    """Return the seconds between begins and ends, summed."""
    signs = {"begin": -1, "end": 1}
    return sum(float(signs[line["what"]] * line["time"]) for line in lines)


def one_at_a_time(lines: Sequence[dict[str, Any]], uuid: str) -> bool:
    """Tell whether on a GPU each run had ended, or was cut off, before the next one began."""
    on = sorted((line["time"], line["what"], line["pid"]) for line in lines if uuid in line["gpus"])
    ended = {pid for _, what, pid in on if what == "end"}
    return bool(on) and all(
        first[2] == second[2] or first[1] == "end" or first[2] not in ended
        for first, second in pairwise(on)
    )


def test_a_real_run(cluster: Cluster) -> None:
    """As a user does it: the shipped script, no GPU, the kit's own command."""
    words = ["submit", "--slurm", *SMALL, "--seed", "7", "--device", "cpu"]
    done = cluster.kit(*words)
    assert done.returncode == 0, done.stderr
    cluster.finish()
    assert cluster.states() == {7: "succeeded"}
    assert "seed 7 (smoke, clean): evaluate" in cluster.kit("logs", "darcy-flow/wrn/7").stdout
    assert "nothing to submit" in cluster.kit(*words).stdout


def test_runs_are_seen_and_stopped_while_they_wait_and_while_they_run(cluster: Cluster) -> None:
    cluster.set(long=dict.fromkeys("0123", 60.0))
    assert cluster.submit(4, "--jobs", "2").returncode == 0
    until(lambda: sorted(cluster.begun()) == [0, 1])
    assert cluster.states() == {0: "running", 1: "running", 2: "queued", 3: "queued"}
    assert "stopped" in cluster.kit("stop", "darcy-flow/wrn/0").stdout
    assert "stopped" in cluster.kit("stop", "darcy-flow/wrn/3").stdout
    assert cluster.states()[0] == cluster.states()[3] == "cancelled"
    assert cluster.kit("stop", "darcy-flow/wrn/3").returncode == 2
    assert "2 runs taken out of Slurm" in cluster.kit("stop").stdout
    assert client.queued() == {}
    assert set(cluster.states().values()) == {"cancelled"}
    cluster.set()
    assert cluster.submit(4).returncode == 0
    cluster.finish()
    assert set(cluster.states().values()) == {"succeeded"}


def test_a_run_whose_time_is_up_goes_on_in_another_job_if_it_came_any_further(
    cluster: Cluster,
) -> None:
    cluster.set(long={"0": 60.0}, epochs={"0": 2})
    assert cluster.submit(1).returncode == 0
    until(lambda: cluster.begun() == [0])
    warn()
    until(lambda: cluster.states() == {0: "queued"})
    until(lambda: cluster.begun() == [0, 0])
    warn()
    until(lambda: cluster.states() == {0: "queued"})
    until(lambda: cluster.begun() == [0, 0, 0])
    warn()
    cluster.finish()
    assert cluster.states() == {0: "failed"}
    attempt = RunFolder(spec_of("darcy-flow", "wrn", 0)).attempt()
    assert attempt is not None
    assert (attempt.failure, attempt.message) == ("timeout", "no epoch within the 1 h of a job")


def warn() -> None:
    """Tell the only task that its time is nearly up, as Slurm does it."""
    (reference,) = client.queued()
    subprocess.run(["scancel", "--batch", "--signal=USR1", reference], check=True)


def test_a_failed_run_is_not_begun_again_but_one_on_an_unfit_node_is_elsewhere(
    cluster: Cluster, tmp_path: Path
) -> None:
    # As many runs as GPUs, so that one goes to the unfit node wherever Slurm begins.
    cluster.set(acts={"1": "fail"}, seconds=3.0)
    (tmp_path / "gpus-node1-lacks").touch()
    assert cluster.submit(6).returncode == 0
    cluster.finish()
    assert cluster.states() == {seed: "failed" if seed == 1 else "succeeded" for seed in range(6)}
    assert sorted(cluster.begun()) == list(range(6))
    left = [json.loads(file.read_bytes()) for file in paths.results().rglob("slurm/*/?.json")]
    told = {each["run"].split("/")[-1][:6]: each for each in left}
    assert "node1" not in {each["node"] for each in left}
    elsewhere = {seed for seed, each in told.items() if each["tries"] == 1}
    assert elsewhere
    assert all(told[seed]["failure"] is None for seed in elsewhere - {"seed-1"})
    assert (told["seed-1"]["failure"], told["seed-1"]["message"]) == ("method", "loss is NaN")
    outputs = [file.read_text() for file in paths.results().rglob("slurm/*/?.out")]
    assert sum("no image here" in each for each in outputs) == len(elsewhere)
    assert "loss is NaN" in cluster.kit("status").stdout


def test_a_run_goes_only_where_there_is_the_memory_that_another_seed_took(
    cluster: Cluster, tmp_path: Path
) -> None:
    make_run("darcy-flow", "wrn", 9, profile="smoke", protocol="clean", gpu_memory=20 * GIB)
    done = cluster.submit(1)
    assert done.returncode == 2
    told = "needs 20 GiB of GPU memory (measured); GPUs here have 15.6 GiB for it"
    assert told in done.stderr
    assert client.queued() == {}
    # A look sees the first of these files, and a run that of its node.
    for name in ("gpus", "gpus-node2", "gpus-node3"):
        file = tmp_path / name
        file.write_text(file.read_text().replace("16000", "40960"))
    assert cluster.submit(1).returncode == 0
    cluster.finish()
    assert cluster.states() == {0: "succeeded", 9: "succeeded"}
    (left,) = paths.results().rglob("slurm/*/0.json")
    outcome = json.loads(left.read_bytes())
    assert (outcome["node"] in ("node2", "node3"), outcome["tries"]) == (True, 1)
    assert told in left.with_suffix(".out").read_text()


def test_a_run_that_can_go_to_one_node_only_is_not_put_off_for_ever(
    cluster: Cluster, tmp_path: Path
) -> None:
    (tmp_path / "gpus-node1-lacks").touch()
    assert cluster.submit(1, "-S", "--nodelist=node1").returncode == 0
    cluster.finish()
    assert cluster.states() == {0: "failed"}
    assert "this node cannot do it: no image here" in cluster.kit("status").stdout


def test_a_task_that_vanishes_is_a_failure(cluster: Cluster) -> None:
    assert cluster.submit(1, "-S", "--begin=now+1hour").returncode == 0
    (reference,) = client.queued()
    assert cluster.states() == {0: "queued"}
    again = cluster.submit(1)
    assert "nothing to submit" in again.stdout
    assert f"in Slurm's queue already, as {reference}" in again.stderr
    client.cancel([reference])
    until(lambda: not client.queued())
    assert cluster.states() == {0: "failed"}
    assert "is gone without a word" in cluster.kit("status").stdout


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("-S", "--partition=nope"), "nvalid partition"),
        (("-S", "--mem=1T"), "Slurm cannot run darcy-flow wrn seed 0"),
    ],
)
def test_what_no_node_can_hold_is_refused_before_anything_is_submitted(
    cluster: Cluster, words: tuple[str, ...], told: str
) -> None:
    done = cluster.submit(1, *words)
    assert done.returncode == 2
    assert told in done.stderr
    assert done.stderr.count("\n") == 1
    assert client.queued() == {}
    assert not paths.runs().exists()


@pytest.mark.parametrize(
    ("change", "told"),
    [
        ({"hours": 48}, "Slurm ends jobs there after 24 h; say so by --hours"),
        ({"gpus": 3}, "darcy-flow wrn seed 0 (smoke, clean) needs 3 GPUs, and no node has over 2"),
    ],
)
def test_more_time_or_more_gpus_than_there_are(
    slurm: None, change: dict[str, Any], told: str
) -> None:
    (array,) = arrays.arrays([Job(spec_of("darcy-flow", "wrn", 0))], arrays.Site())
    submission.check([array], arrays.Site())
    with pytest.raises(KitError) as error:
        submission.check([msgspec.structs.replace(array, **change)], arrays.Site())
    assert str(error.value) == told


def test_nodes_are_looked_through(
    cluster: Cluster, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """The third node sees a folder of its own where the others share one."""
    rows = json.loads(cluster.kit("doctor", "--engine", "slurm", "--format", "json").stdout)
    seen = {row["check"]: row for row in rows}
    for node in ("node1", "node2", "node3"):
        assert seen[node]["ok"], seen[node]
        has = "2 GPUs (Stand-in, 15.6 GiB); shares results, locks and 1 prepared data"
        assert has in seen[node]["detail"]
    unshared = Path(os.environ["KIT_SLURM"], "unshared", tmp_path.name)
    monkeypatch.setenv("KIT_RESULTS", str(unshared))
    monkeypatch.setenv("KIT_FAKE_NVML", "")
    done = cluster.kit("doctor", "--engine", "slurm")
    assert done.returncode == 1
    lines = [line for line in done.stdout.splitlines() if line[5:9] == "node"]
    assert [line[:3] for line in lines] == ["BAD"] * 3
    for line in lines[:2]:
        assert "has 2 GPUs by Slurm's word, and its driver shows none" in line
    assert f"does not share {unshared}; move it to shared storage" in lines[2]
