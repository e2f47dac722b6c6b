"""``kit reproduce --engine docker`` on four stand-in GPUs, against a real engine."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any

import docker
import pytest

from kit.engines import leases
from kit.engines.docker import PREPARES, RUN, SWEEP
from kit.engines.engine import sweep
from kit.runs.collect import collect
from kit.runs.folder import RunFolder
from tests.conftest import Run
from tests.engines.nvml import FakeGpus

pytestmark = pytest.mark.docker
TABLE = ("reproduce", "--table", "5", "--task", "darcy-flow", "--method", "wrn")
SMALL = ("--protocol", "clean", "--profile", "smoke", "--engine", "docker")
RUNS = int(os.environ.get("KIT_CHAOS_RUNS", "32"))
KILLS = RUNS // 8


def seeds(count: int) -> list[str]:
    return [word for seed in range(count) for word in ("--seed", str(seed))]


def containers(engine: docker.DockerClient) -> list[str]:
    """The containers of this test's sweep."""
    found = engine.api.containers(all=True, filters={"label": [f"{SWEEP}={sweep()}", RUN]})
    return [each["Id"] for each in found]


@pytest.fixture
def nothing_left(docker_engine: docker.DockerClient, gpus: FakeGpus) -> Iterator[None]:
    """After the test no container of it is left, and every GPU is free."""
    yield
    left = containers(docker_engine)
    for each in left:
        docker_engine.api.remove_container(each, force=True)
    assert left == []
    assert leases.free().uuids == tuple(gpus.uuids)


def test_a_sweep_of_real_runs(
    kit: Run,
    gpus: FakeGpus,
    gpu_image: str,
    nothing_left: None,
    docker_engine: docker.DockerClient,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("KIT_IMAGES", gpu_image)
    refused = kit(*TABLE, *SMALL, *seeds(1))
    assert refused.returncode == 69
    assert "not locked" in refused.stderr
    monkeypatch.setenv("A_SECRET", "very secret")
    began = int(time.time())
    done = kit(*TABLE, *SMALL, *seeds(5), "--allow-unpinned", "--tensorboard", timeout=400)
    assert done.returncode == 0, done.stderr
    # The data, too, were made in a container.
    wanted = {"label": [f"{SWEEP}={sweep()}", PREPARES], "event": "create"}
    created = docker_engine.events(
        since=began, until=int(time.time()) + 1, filters=wanted, decode=True
    )
    assert len(list(created)) == 1
    assert "measured" in done.stdout
    results = collect().results
    assert sorted(result.spec.seed for result in results) == [0, 1, 2, 3, 4]
    image = docker_engine.images.get(f"{gpu_image}/darcy-flow")
    for result in results:
        assert result.provenance.image_id == image.id
        assert result.provenance.image_pinned is False
        # Written outside, as no image has the library.
        assert list((RunFolder(result.spec).path / "tensorboard").iterdir())
    attempts = [RunFolder(result.spec).attempt() for result in results]
    used = [attempt.gpus for attempt in attempts if attempt is not None]
    assert {uuid for uuids in used for uuid in uuids} == set(gpus.uuids)
    assert all(len(uuids) == 1 for uuids in used)
    for file in RunFolder(results[0].spec).path.parent.rglob("*"):
        assert not file.is_file() or b"very secret" not in file.read_bytes()


@pytest.fixture
def fake(
    darcy: Path, gpus: FakeGpus, fake_image: str, monkeypatch: pytest.MonkeyPatch
) -> Callable[..., subprocess.Popen[str]]:
    """Start a supervisor whose runs are made up."""
    monkeypatch.setenv("KIT_IMAGES", fake_image)

    def start(count: int) -> subprocess.Popen[str]:
        words = [*TABLE, *SMALL, *seeds(count), "--allow-unpinned", "--format", "json"]
        # A supervisor that is killed between a fault of the engine and the second try leaves a
        # failed run.
        words.append("--retry-failed")
        return subprocess.Popen(
            [sys.executable, "-m", "kit", *words],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start


def journal() -> list[dict[str, Any]]:
    """What the made-up runs noted, whole lines only."""
    file = leases.folder() / "journal"
    lines = file.read_text().split("\n")[:-1] if file.exists() else []
    return [json.loads(line) for line in lines]


def until(condition: Callable[[], object], seconds: float = 120) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_interrupted_once(
    fake: Callable[..., subprocess.Popen[str]],
    nothing_left: None,
    docker_engine: docker.DockerClient,
    number: signal.Signals,
) -> None:
    supervisor = fake(12)
    until(lambda: len(journal()) >= 3)
    supervisor.send_signal(number)
    _, err = supervisor.communicate(timeout=60)
    assert supervisor.returncode == 130, err
    assert containers(docker_engine) == []
    assert 0 < len(collect().results) < 12
    assert fake(12).wait(120) == 0
    assert len(collect().results) == 12


def test_survives_anything(
    fake: Callable[..., subprocess.Popen[str]],
    gpus: FakeGpus,
    nothing_left: None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Supervisors killed by KILL, the engine restarted by TERM and by KILL, all in mid-run."""
    if "KIT_DOCKER" not in os.environ:
        pytest.skip("the engine is not this test's to restart: '.ci/engine start' makes one")
    with monkeypatch.context() as patch:
        patch.setenv("KIT_RESULTS", str(tmp_path / "undisturbed"))
        began = time.monotonic()
        out, err = (process := fake(RUNS)).communicate()
        undisturbed = time.monotonic() - began
        assert process.returncode == 0, err
        whole = out
        (leases.folder() / "journal").unlink()

    began, restarts = time.monotonic(), list[tuple[float, float]]()
    engine = Path(__file__).parents[2] / ".ci/engine"
    for kill in range(KILLS):
        supervisor = fake(RUNS)
        until(one_more((kill + 0.5) * RUNS / (KILLS + 1)))
        assert supervisor.poll() is None
        if kill in (1, KILLS - 1):
            how = "--kill" if kill == 1 else "--term"
            stopped = time.time()
            subprocess.run([engine, "restart", how], check=True)
            restarts.append((stopped, time.time()))
            until(one_more(ended()))
        supervisor.kill()
        supervisor.communicate()
    out, err = (process := fake(RUNS)).communicate()
    disturbed = time.monotonic() - began
    assert process.returncode == 0, err
    assert out == whole
    lines = journal()
    finished = [line["seed"] for line in lines if line["what"] == "end"]
    assert sorted(finished) == list(range(RUNS))
    assert [pair for uuid in gpus.uuids for pair in at_once(lines, uuid, restarts)] == []
    assert {uuid for line in lines for uuid in line["gpus"]} == set(gpus.uuids)
    again = sum(line["what"] == "begin" for line in lines) - RUNS
    with capsys.disabled():
        print(
            f"\ndocker: {RUNS} runs on {len(gpus.uuids)} GPUs, supervisor killed {KILLS} times, "
            f"engine restarted {len(restarts)} times: each done once ({again} begun again), no GPU "
            f"shared, same table; {disturbed:.1f} s, undisturbed {undisturbed:.1f} s"
        )


def one_more(than: float) -> Callable[[], bool]:
    return lambda: ended() > than


def ended() -> int:
    return sum(line["what"] == "end" for line in journal())


def at_once(
    lines: Sequence[dict[str, Any]], uuid: str, restarts: Sequence[tuple[float, float]]
) -> list[tuple[dict[str, Any], dict[str, Any]]]:
    """Return lines on a GPU by which a run was not over when the next began; restarts end some."""
    on = sorted((line for line in lines if uuid in line["gpus"]), key=itemgetter("time", "what"))
    found = []
    for line, after in pairwise(on):
        over = line["what"] == "begin" and after["what"] != "begin" and line["run"] == after["run"]
        cut = line["what"] == "begin" and any(
            line["time"] < back and stopped < after["time"] for stopped, back in restarts
        )
        if not (line["what"] != "begin" and after["what"] == "begin") and not over and not cut:
            found.append((line, after))
    return found
