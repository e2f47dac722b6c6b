"""A cluster that loses its head, and the same command on the next cluster."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import ray
from ray.cluster_utils import Cluster

from kit import paths
from kit.runs.collect import collect
from kit.runs.folder import read_status

SMALL = ("--table", "5", "--task", "darcy-flow", "--method", "dash", "--seed", "0")
HOW = ("--profile", "smoke", "--engine", "ray", "--device", "cpu")


def until(condition: Callable[[], object], seconds: float = 300) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.01)


@contextmanager
def begun() -> Iterator[Any]:
    """Yield a cluster of a head without cores and a node with one."""
    head = {"num_cpus": 0, "include_dashboard": False}
    made: Any = Cluster(initialize_head=True, head_node_args=head)
    made.add_node(num_cpus=1)
    try:
        yield made
    finally:
        ray.shutdown()
        made.shutdown()


def reproduce(cluster: Any, log: Path) -> subprocess.Popen[bytes]:
    words = ["reproduce", *SMALL, *HOW, "--ray-address", cluster.address]
    with log.open("wb") as stream:
        return subprocess.Popen([sys.executable, "-m", "kit", *words], stdout=stream, stderr=stream)


def history() -> list[str]:
    return [line for file in paths.results().rglob("history.jsonl") for line in file.open()]


def term_is_pending(pid: int) -> bool:
    words = Path(f"/proc/{pid}/status").read_text().split()
    return bool(int(words[words.index("ShdPnd:") + 1], 16) >> (signal.SIGTERM - 1) & 1)


@pytest.mark.usefixtures("darcy")
def test_runs_go_on_from_their_checkpoints_on_another_cluster(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    monkeypatch.setenv("RAY_worker_niceness", "0")  # else a busy machine starves them
    monkeypatch.setenv("RAY_gcs_rpc_server_reconnect_timeout_s", "1")
    monkeypatch.setenv("KIT_CHECKPOINT_SECONDS", "0")
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/none")
    log = tmp_path / "log"
    with begun() as cluster:
        driver = reproduce(cluster, log)
        until(lambda: len(history()) > 1 or driver.poll() is not None)
        assert driver.poll() is None, log.read_text()
        (folder,) = (file.parent for file in paths.results().rglob("history.jsonl"))
        status = read_status(folder)
        assert status is not None
        # It must not end while Ray takes its time to find out.
        os.kill(status.pid, signal.SIGSTOP)
        cluster.remove_node(cluster.head_node, allow_graceful=False)
        # Its workers take a node for alive until somebody has asked how it ended.
        (node,) = cluster.worker_nodes
        until(lambda: not node.any_processes_alive())
        until(lambda: term_is_pending(status.pid))
        os.kill(status.pid, signal.SIGCONT)
        assert driver.wait(300) != 0
        until(lambda: not Path(f"/proc/{status.pid}").exists())
    # The last epoch may have been frozen before it was saved.
    saved = history()[:-1]
    assert not collect().results
    with begun() as cluster:
        assert reproduce(cluster, log).wait(300) == 0, log.read_text()
    assert len(collect().results) == 1
    assert saved
    assert history()[: len(saved)] == saved
