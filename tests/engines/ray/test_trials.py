"""Trials on a Ray cluster, one of whose nodes is lost, come to what they come to in one process."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import SimpleNamespace
from typing import Any, NoReturn

import msgspec
import pytest
import ray
from ray.cluster_utils import Cluster

from kit import method
from kit.base import trials
from kit.engines.execute import ExecuteOptions, execute
from kit.engines.ray import cluster as ray_cluster
from kit.engines.ray import trials as ray_trials
from kit.engines.trial_worker import Failed, Setup
from kit.errors import KitError, UnavailableError
from kit.runs.folder import RunFolder
from kit.runs.trial_records import TrialRecord, TrialWork
from tests.engines.nvml import FakeGpus
from tests.specs import smoke_spec


@pytest.fixture
def cluster(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # else a busy machine starves them
    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
    made.add_node(num_cpus=1)
    yield made
    ray.shutdown()
    made.shutdown()


def lose(cluster: Any) -> None:
    """Take the second node away in the middle of a trial."""
    (node,) = cluster.worker_nodes
    raylet = node.all_processes["raylet"][0].process.pid
    words = ["ps", "--ppid", str(raylet), "--format", "pid=,args="]
    at_work: list[str] = []
    deadline = time.monotonic() + 100
    while not at_work:
        assert time.monotonic() < deadline, "no trial was trained there"
        time.sleep(0.05)
        listing = subprocess.run(words, capture_output=True, text=True, check=False).stdout
        at_work = [line for line in listing.splitlines() if "ray::_train" in line]
    os.kill(int(at_work[0].split()[0]), signal.SIGKILL)
    cluster.remove_node(node, allow_graceful=False)


@pytest.mark.usefixtures("darcy")
def test_trials_on_a_cluster_that_loses_a_node(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found: list[tuple[Any, Any]] = []

    def run(options: ExecuteOptions) -> None:
        of_spec = smoke_spec("wrn-asha", "tune.divisor=2", "tune.every=4", "epochs=2")
        result, tuned = execute(of_spec, options), RunFolder(of_spec).output("tune")
        assert result is not None
        assert tuned is not None
        found.append((result.metrics, tuned["trials"]))

    def not_here(*_: object) -> NoReturn:
        raise AssertionError("a trial was trained here")

    run(ExecuteOptions(device="cpu"))
    monkeypatch.setenv("KIT_RESULTS", str(tmp_path / "there"))
    monkeypatch.setattr(trials, "train", not_here)
    with ThreadPoolExecutor(1) as aside:
        lost = aside.submit(lose, cluster)
        run(ExecuteOptions(trials_on=cluster.address))
    lost.result()
    assert found[0] == found[1]


def test_a_trial_sees_the_gpu_that_ray_gave_and_no_other(
    fake_gpus: Callable[..., FakeGpus], monkeypatch: pytest.MonkeyPatch
) -> None:
    """By its UUID: of unlike GPUs, CUDA numbers the fastest first, Ray and runs as the driver."""
    names = ("CUDA_VISIBLE_DEVICES", "CUDA_DEVICE_ORDER")
    for name in names:
        monkeypatch.setenv(name, "")
    seen: list[list[str]] = []

    def answer(*_: object) -> Failed:
        seen.append([os.environ[name] for name in names])
        return Failed("method", "made up", mistake=False)

    given = SimpleNamespace(get_accelerator_ids=lambda: {"GPU": ["1"]})
    monkeypatch.setattr(ray, "get_runtime_context", lambda: given)
    monkeypatch.setattr(ray_trials, "answer", answer)
    monkeypatch.setattr(ray_trials, "_own_code", lambda _: "code")
    setup = msgspec.json.encode(Setup(smoke_spec("wrn-asha"), None, 1))
    work = TrialWork("tune", (1,), TrialRecord(number=0, configuration={}))
    uuids = fake_gpus(2).uuids
    ray_trials._train((setup, "code", {}), msgspec.json.encode(work))
    assert seen == [[uuids[1], "PCI_BUS_ID"]]


def test_trials_of_a_method_without_gpus_are_of_the_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[tuple[object, ...]] = []

    def note(*words: object) -> SimpleNamespace:
        made.append(words)
        return SimpleNamespace(release=lambda: None)

    state = SimpleNamespace(cpus=3.0, gpus=2.0, trouble=None)
    monkeypatch.setattr(ray_cluster, "join", lambda _: None)
    monkeypatch.setattr(ray_cluster, "alive", list)
    monkeypatch.setattr(ray_cluster, "inspect", lambda *_: {"": state})
    monkeypatch.setattr(ray_trials, "RayTrials", note)
    of = smoke_spec("wrn-asha")
    needs_none = SimpleNamespace(gpus=0)
    with ray_trials.ray_trials("", of, None, 1):
        assert made[-1][1:] == (1, 2)
    monkeypatch.setattr(method, "find", lambda _: needs_none)
    with ray_trials.ray_trials("", of, None, 1):
        assert made[-1][1:] == (0, 3)


def test_no_cluster_or_no_trials(darcy: Path) -> None:
    with pytest.raises(UnavailableError, match=r"no Ray cluster to be had at 127\.0\.0\.1:1:"):
        execute(smoke_spec("wrn-asha"), ExecuteOptions(trials_on="127.0.0.1:1"))
    with pytest.raises(KitError, match="wrn has no trials that could be trained elsewhere"):
        execute(smoke_spec("wrn"), ExecuteOptions(trials_on="127.0.0.1:1"))
