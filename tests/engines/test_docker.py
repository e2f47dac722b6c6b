"""The Docker engine against a real one, with a stand-in for kit in an image of its own."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import docker
import pytest

from kit import paths, task
from kit.containers import images, lock, sandbox
from kit.engines import docker as engines
from kit.engines.engine import EngineError, Exit, Handle, SweepOptions, sweep
from kit.errors import BusyError, DataError, KitError, UnavailableError
from kit.runs import logs, provenance
from kit.runs.folder import RunFolder
from kit.spec import RunSpec
from tests.derived_image import derived
from tests.specs import smoke_spec

pytestmark = pytest.mark.docker
LOOK, SLEEP, DEAF, GREEDY, CHATTER, FAIL = range(6)
UUID = "GPU-00000000-aaaa-bbbb-cccc-dddddddddddd"


def spec(seed: int) -> RunSpec:
    return smoke_spec("wrn", seed=seed, protocol="clean")


@pytest.fixture(scope="module")
def fake_image(built_images: docker.DockerClient) -> Iterator[str]:
    """An image of Darcy Flow whose kit is the stand-in; ``KIT_IMAGES`` for it."""
    lines = f"FROM {images.reference('darcy-flow')}\nCOPY fake_kit.py /kit/kit/__main__.py\n"
    with derived(built_images, "kit-tests/darcy-flow", lines, Path(__file__).parent):
        yield "kit-tests"


@pytest.fixture
def engine(
    fake_image: str, docker_engine: docker.DockerClient, monkeypatch: pytest.MonkeyPatch
) -> Iterator[engines.Docker]:
    monkeypatch.setenv("KIT_IMAGES", fake_image)
    monkeypatch.setenv("KIT_MEMORY", "256m")
    for folder in (paths.results(), paths.data() / "raw"):
        folder.mkdir(parents=True)
    made = engines.connect(SweepOptions(allow_unpinned=True))
    yield made
    left = made._list({})
    for container in left:
        docker_engine.api.remove_container(container["Id"], force=True)
    made.close()
    assert not left


def start(engine: engines.Docker, seed: int, gpus: tuple[str, ...] = ()) -> Handle:
    RunFolder(spec(seed)).path.mkdir(parents=True, exist_ok=True)
    handle = engine.start(spec(seed), gpus)
    if seed in (SLEEP, DEAF):
        until(lambda: (RunFolder(spec(seed)).path / "began").exists())
    return handle


def until(condition: Callable[[], object], seconds: float = 60) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)


def ended(engine: engines.Docker, handle: Handle) -> Exit:
    found: list[Exit | None] = []

    def look() -> bool:
        found.append(engine.poll(handle))
        return found[-1] is not None

    until(look)
    assert found[-1] is not None
    return found[-1]


def test_a_run_is_sandboxed(engine: engines.Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very secret")
    passed = {"KIT_THREADS": "3", "KIT_TAKE_BUSY_GPU": "1", "KIT_CHECKPOINT_SECONDS": "7"}
    for name, value in passed.items():
        monkeypatch.setenv(name, value)
    handle = start(engine, LOOK)
    config = engine.client.containers.get(handle.reference).attrs
    assert ended(engine, handle) == Exit(0)
    facts = json.loads((RunFolder(spec(LOOK)).path / "facts.json").read_text())
    assert (facts["uid"], facts["gid"]) == (os.getuid(), os.getgid())
    assert facts["init"] in ("docker-init", "tini")
    assert int(facts["capabilities"], 16) == int(facts["bounding"], 16) == 0
    assert facts["no_new_privileges"] == "1"
    assert facts["interfaces"] == ["lo"]
    assert facts["network"] is not None
    for place in ("root", "data", "results"):
        assert facts[place] is not None, place
    assert facts["memory"] == str(256 << 20)
    assert facts["shm"] == 1 << 30
    assert config["HostConfig"]["PidsLimit"] == sandbox.PIDS
    assert config["HostConfig"]["LogConfig"]["Config"] == sandbox.OUTPUT
    # Of the caller's variables only those on the list, nowhere.
    assert passed.items() <= facts["environment"].items()
    assert facts["environment"]["NVIDIA_VISIBLE_DEVICES"] == "void"
    assert "very secret" not in json.dumps([facts, config])
    inside = f"/kit/results/runs/{spec(LOOK).folder}/spec.json"
    assert facts["words"] == ["run", "--spec", inside]
    # What it left belongs to the caller.
    for file in RunFolder(spec(LOOK)).path.iterdir():
        assert file.stat().st_uid == os.getuid()


def test_data_are_prepared_in_the_sandbox_of_runs(
    engine: engines.Docker, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    """Without a network; all data can be read, the task's own be written."""
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "very secret")
    the_task = task.find("darcy-flow")
    engine.prepare(the_task, "regenerated", "smoke")
    assert f"prepares as {os.getuid()}" in capfd.readouterr().err
    file = paths.data() / "darcy-flow/facts.json"
    facts = json.loads(file.read_text())
    assert file.stat().st_uid == os.getuid()
    assert facts["words"][2:] == ["darcy-flow", "--tier", "regenerated", "--profile", "smoke"]
    assert facts["interfaces"] == ["lo"]
    assert int(facts["capabilities"], 16) == int(facts["bounding"], 16) == 0
    for place in ("root", "data", "raw", "results", "network"):
        assert facts[place] is not None, place
    assert "very secret" not in json.dumps(facts)
    with pytest.raises(BusyError):
        engine.prepare(the_task, "regenerated", "lite")
    with pytest.raises(DataError, match="no regenerated data, for the reason printed above"):
        engine.prepare(the_task, "regenerated", "paper")
    assert preparing(engine) == []


def test_a_preparation_that_a_killed_supervisor_left_ends_by_itself(
    engine: engines.Docker,
) -> None:
    """While it is at work it stays; what is left of it is removed with the next sweep."""
    left = engine.client.containers.create(
        images.reference("darcy-flow"),
        ["60"],
        entrypoint=["sleep"],
        labels={engines.SWEEP: sweep(), engines.PREPARES: "darcy-flow"},
        init=True,
        network_mode="none",
    )
    left.start()
    engines.connect(SweepOptions(allow_unpinned=True)).close()
    assert preparing(engine) == [left.id]
    assert engine._list({}) == []
    left.kill()
    left.wait()
    engines.connect(SweepOptions(allow_unpinned=True)).close()
    assert preparing(engine) == []


def preparing(engine: engines.Docker) -> list[str]:
    """The containers of this test that prepare data, or did."""
    labels = [f"{engines.SWEEP}={sweep()}", engines.PREPARES]
    return [
        each["Id"] for each in engine.client.api.containers(all=True, filters={"label": labels})
    ]


def test_another_uid_without_name_or_home(
    engine: engines.Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can hand its folder to another user")
    RunFolder(spec(LOOK)).path.mkdir(parents=True)
    os.chown(RunFolder(spec(LOOK)).path, 4321, 4321)
    monkeypatch.setattr(os, "getuid", lambda: 4321)
    monkeypatch.setattr(os, "getgid", lambda: 4321)
    assert ended(engine, start(engine, LOOK)) == Exit(0)
    facts = RunFolder(spec(LOOK)).path / "facts.json"
    assert (facts.stat().st_uid, facts.stat().st_gid) == (4321, 4321)


def test_devices_by_uuid(engine: engines.Docker) -> None:
    handle = start(engine, LOOK, (UUID,))
    (request,) = engine.client.containers.get(handle.reference).attrs["HostConfig"][
        "DeviceRequests"
    ]
    assert request["DeviceIDs"] == [UUID]
    assert ended(engine, handle) == Exit(0)
    facts = json.loads((RunFolder(spec(LOOK)).path / "facts.json").read_text())
    assert facts["environment"]["NVIDIA_VISIBLE_DEVICES"] == UUID
    assert facts["environment"]["KIT_GPU"] == UUID
    assert facts["environment"]["KIT_LOCKS"] == "/kit/locks"


def test_exit_code_and_log(engine: engines.Docker) -> None:
    handles = [start(engine, seed) for seed in (FAIL, CHATTER)]
    assert [ended(engine, handle).code for handle in handles] == [7, 0]
    log = RunFolder(spec(CHATTER)).log.read_bytes()
    assert log.startswith(b"\xff\xfe not UTF-8\r")
    assert log.endswith(b"last line\n")


def test_a_log_without_end_is_cut(engine: engines.Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs.cap, "__defaults__", (1 << 16, 1 << 12))
    assert ended(engine, start(engine, CHATTER)) == Exit(0)
    log = RunFolder(spec(CHATTER)).log.read_bytes()
    assert len(log) <= (1 << 16) + 100
    assert b"bytes cut here" in log
    assert log.endswith(b"last line\n")


def test_a_run_that_cannot_write_its_folder_says_so_in_its_log(engine: engines.Docker) -> None:
    if os.getuid() != 0:
        pytest.skip("only root can hand its folder to another user")
    RunFolder(spec(LOOK)).path.mkdir(parents=True)
    os.chown(RunFolder(spec(LOOK)).path, 4321, 4321)
    assert ended(engine, start(engine, LOOK)).code == 2
    assert "log.txt: Permission denied" in RunFolder(spec(LOOK)).log.read_text()


def test_term_then_kill(engine: engines.Docker) -> None:
    polite = start(engine, SLEEP)
    began = time.monotonic()
    engine.stop(polite, 10)
    assert time.monotonic() - began < 5
    assert engine._list({}) == []
    assert ended(engine, polite).code == 130
    assert (RunFolder(spec(SLEEP)).path / "terminated").exists()
    deaf = start(engine, DEAF)
    began = time.monotonic()
    engine.stop(deaf, 1)
    assert 1 <= time.monotonic() - began < 5
    assert ended(engine, deaf).code == 137


def test_kill_at_once(engine: engines.Docker) -> None:
    handle = start(engine, SLEEP)
    engine.stop(handle, 0)
    assert engine._list({}) == []
    assert ended(engine, handle) == Exit(137)
    assert not (RunFolder(spec(SLEEP)).path / "terminated").exists()
    engine.stop(handle, 0)  # there is nothing left to stop


def test_out_of_memory(engine: engines.Docker) -> None:
    end = ended(engine, start(engine, GREEDY))
    assert end.oom_killed
    assert end.code == 137


def test_what_a_killed_supervisor_left_is_found(engine: engines.Docker) -> None:
    handle = start(engine, SLEEP)
    another = engines.connect(SweepOptions(allow_unpinned=True))
    assert another.find(spec(SLEEP), None) == handle
    assert another.find(spec(FAIL), None) is None
    with pytest.raises(EngineError, match="already in use"):
        another.start(spec(SLEEP), ())
    assert engine.poll(handle) is None
    engine.client.containers.get(handle.reference).kill()
    until(lambda: another.find(spec(SLEEP), handle.reference) is None)
    assert engine._list({}) == []


def test_what_starts_while_one_looks_is_found(
    engine: engines.Docker, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A killed supervisor's last request: its container was not started yet when it was listed."""
    handle = start(engine, SLEEP)
    another = engines.connect(SweepOptions(allow_unpinned=True))
    listed = [{**each, "State": "created"} for each in another._list({})]
    monkeypatch.setattr(another, "_list", lambda labels: listed)
    assert another.find(spec(SLEEP), None) == handle
    another.close()
    assert engine.poll(handle) is None
    engine.stop(handle, 0)


def test_what_ended_after_its_supervisor_is_removed(engine: engines.Docker) -> None:
    ours, theirs = start(engine, LOOK), start(engine, FAIL)
    another = engines.connect(SweepOptions(allow_unpinned=True))
    running = start(another, SLEEP)
    ids = {handle.reference for handle in (ours, theirs)}
    until(lambda: all(each["State"] == "exited" for each in another._list({}) if each["Id"] in ids))
    with RunFolder(spec(FAIL)).claimed():  # its supervisor will look
        another.close()
    left = {each["Id"] for each in engine._list({})}
    assert left == {theirs.reference, running.reference}
    assert ended(engine, theirs) == Exit(7)
    (RunFolder(spec(SLEEP)).path / "result.json").touch()  # so its container is about to end
    engine.client.api.kill(running.reference, "TERM")
    engines.connect(SweepOptions(allow_unpinned=True)).close()
    assert not engine._list({})


def test_strangers_are_left_alone(
    engine: engines.Docker, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """A container without the label, and one of another sweep that does the very same run."""
    image = engine.client.images.get(images.reference("darcy-flow"))
    stranger = engine.client.containers.run(
        image, ["60"], entrypoint=["sleep"], detach=True, init=True, network_mode="none"
    )
    try:
        mine = sweep()
        with monkeypatch.context() as patch:
            patch.setenv("KIT_RESULTS", str(tmp_path / "other"))
            assert sweep() != mine
            other = start(engine, SLEEP)
            assert [each["Id"] for each in engine._list({})] == [other.reference]
            theirs = engine.client.containers.get(other.reference)
        assert engine.find(spec(SLEEP), other.reference) is None
        assert ended(engine, start(engine, FAIL)).code == 7
        theirs.reload()
        stranger.reload()
        assert (theirs.status, stranger.status) == ("running", "running")
        theirs.remove(force=True)
    finally:
        stranger.remove(force=True)


def test_removed_by_somebody_else(engine: engines.Docker) -> None:
    handle = start(engine, SLEEP)
    engine.client.containers.get(handle.reference).remove(force=True)
    assert "removed by somebody else" in (ended(engine, handle).infrastructure or "")


@pytest.mark.parametrize("how", ["--kill", ""])
def test_engine_restarts(engine: engines.Docker, how: str) -> None:
    if "KIT_DOCKER" not in os.environ:
        pytest.skip("the engine is not this test's to restart: '.ci/engine start' makes one")
    handle = start(engine, SLEEP)
    script = Path(__file__).parents[2] / ".ci/engine"
    with subprocess.Popen([script, "restart", *how.split()]) as restart:
        while restart.poll() is None:
            engine.poll(handle)
            time.sleep(0.02)
    assert restart.returncode == 0
    assert ended(engine, handle).infrastructure is not None
    # And a run that begins afterwards is none the worse for it.
    assert ended(engine, start(engine, FAIL)) == Exit(7)


def test_unusable(engine: engines.Docker, monkeypatch: pytest.MonkeyPatch) -> None:
    pinned, unpinned = SweepOptions(), SweepOptions(allow_unpinned=True)
    assert engines.unusable([spec(0)], unpinned) is None
    assert "not locked" in (engines.unusable([spec(0)], pinned) or "")
    found = images.find(engine.client, "darcy-flow")
    assert found is not None
    base = lock.BaseImage(name="debian", digest="sha256:0")
    write = lock.Pinned(image_id=found.id, repo_digest=None)
    lock.save(lock.Lock(schema=1, base_image=base, images={"darcy-flow": write}))
    assert engines.unusable([spec(0)], pinned) is None
    other = lock.Pinned(image_id="sha256:" + "0" * 64, repo_digest=None)
    lock.save(lock.Lock(schema=1, base_image=base, images={"darcy-flow": other}))
    assert "not 000000000000 as locked" in (engines.unusable([spec(0)], pinned) or "")
    with pytest.raises(KitError, match="as locked"):
        start(engines.connect(pinned), LOOK)
    # Marked, where it is run all the same.
    assert ended(engine, start(engine, LOOK)) == Exit(0)
    facts = json.loads((RunFolder(spec(LOOK)).path / "facts.json").read_text())
    assert facts["environment"]["KIT_IMAGE_ID"] == found.id
    assert facts["environment"]["KIT_IMAGE_PINNED"] == "0"
    monkeypatch.setattr(provenance, "code_of_task", lambda name: f"of {name}, changed")
    assert "holds other code than here" in (engines.unusable([spec(0)], unpinned) or "")
    monkeypatch.setenv("KIT_IMAGES", "kit-tests/none")
    assert "not built; run 'kit images build" in (engines.unusable([spec(0)], unpinned) or "")


def test_no_engine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/nowhere")
    assert "no Docker engine answers" in (engines.unusable([spec(0)], SweepOptions()) or "")
    with pytest.raises(UnavailableError):
        engines.connect(SweepOptions())
