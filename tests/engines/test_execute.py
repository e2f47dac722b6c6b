from __future__ import annotations

import errno
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import torch

from kit.engines import execute as module
from kit.engines.execute import ExecuteOptions, execute
from kit.errors import KitError, RunError
from kit.runs import history
from kit.runs.folder import FolderLostError, RunFolder, read_result
from kit.spec import RunSpec
from tests.conftest import Run
from tests.specs import smoke_spec


def spec(name: str = "wrn", seed: int = 0, *overrides: str) -> RunSpec:
    return smoke_spec(name, *overrides, seed=seed)


@pytest.mark.usefixtures("darcy")
def test_a_run_leaves_a_whole_and_true_result() -> None:
    result = execute(spec("dash"), ExecuteOptions())
    assert result is not None
    folder = RunFolder(spec("dash"))
    assert read_result(folder.result) == result
    assert set(result.stages) == {"search", "tune", "retrain"}
    assert all(stage.active_seconds > 0 for stage in result.stages.values())
    assert all(stage.gpu_memory is None for stage in result.stages.values())
    assert result.architecture is not None
    assert [name for name, _, _ in result.architecture.value][:2] == ["conv1", "blocks.0.conv1"]
    assert result.metrics["relative-l2"].n_units == 4
    assert result.provenance.device == "CPU"
    kind = result.provenance.processor
    assert kind is not None
    assert kind.endswith(f" {torch.backends.cpu.get_cpu_capability()}")
    assert len(result.provenance.data) == 64
    assert (folder.path / result.artifacts[0].name).exists()
    status = folder.status()
    assert status is not None
    assert status.state == "succeeded"
    stages = [json.loads(line)["stage"] for line in folder.history.read_text().splitlines()]
    assert stages == ["search"] * 2 + ["retrain"] * 2
    assert not list(folder.path.rglob("*.tmp"))
    assert not list(folder.path.rglob("*.checkpoint.pt"))


@pytest.mark.usefixtures("darcy")
def test_seeds_differ_and_the_same_seed_gives_the_same_bits(tmp_path: Path) -> None:
    def value(seed: int, where: str) -> Any:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KIT_RESULTS", str(tmp_path / where))
            result = execute(spec("wrn", seed), ExecuteOptions())
        assert result is not None
        return result.metrics["relative-l2"].value

    assert value(0, "a") == value(0, "b")
    assert value(0, "a") != value(1, "a")


@pytest.mark.usefixtures("darcy")
def test_a_run_that_is_done_is_left_as_it_is() -> None:
    def seen() -> dict[str, tuple[int, int]]:
        """What any write would change: results may be read-only."""
        each = [folder.path, *folder.path.rglob("*")]
        return {str(path): (path.stat().st_ino, path.stat().st_mtime_ns) for path in each}

    folder, result = RunFolder(spec()), execute(spec(), ExecuteOptions())
    assert result is not None
    before = seen()
    assert execute(spec(), ExecuteOptions()) == result
    assert seen() == before
    folder.set_status("running")  # killed after its result
    (folder.path / "spec.json").unlink()
    assert execute(spec(), ExecuteOptions()) == result
    status = folder.status()
    assert status is not None
    assert status.state == "succeeded"
    assert (folder.path / "spec.json").exists()


@pytest.mark.usefixtures("darcy")
def test_until_stops_and_the_rest_is_done_later() -> None:
    assert execute(spec("dash"), ExecuteOptions(until="search")) is None
    folder = RunFolder(spec("dash"))
    assert folder.output("search") is not None
    assert folder.output("tune") is None
    logged: list[str] = []
    assert execute(spec("dash"), ExecuteOptions(log=logged.append)) is not None
    assert [line.rpartition(" ")[2] for line in logged] == ["tune", "retrain", "evaluate"]
    with pytest.raises(KitError, match="stages search, tune, retrain"):
        execute(spec("dash"), ExecuteOptions(until="train"))


@pytest.mark.usefixtures("darcy")
def test_a_given_architecture_takes_the_searchs_place(kit: Run) -> None:
    first = execute(spec("dash"), ExecuteOptions())
    assert first is not None
    assert first.architecture is not None
    file = RunFolder(spec("dash")).result
    done = kit(
        *("run", "darcy-flow", "dash", "--seed", "1", "--profile", "smoke"),
        *("--tier", "regenerated", "--architecture", str(file)),
    )
    assert done.returncode == 0, done.stderr
    (other,) = file.parent.parent.glob("seed-1-*/result.json")
    assert read_result(other).architecture == first.architecture
    assert read_result(other).spec.overrides


@pytest.mark.usefixtures("darcy")
@pytest.mark.parametrize("content", [b"", b'{"schema": 1, "spec', b'{"schema": 99}'])
def test_a_bad_result_counts_as_absent_and_is_kept_aside(content: bytes) -> None:
    folder = RunFolder(spec())
    folder.path.mkdir(parents=True)
    folder.result.write_bytes(content)
    logged: list[str] = []
    assert execute(spec(), ExecuteOptions(log=logged.append)) is not None
    assert folder.result.with_name("result.json.rejected").read_bytes() == content
    assert "kept aside" in logged[0]


@pytest.mark.usefixtures("darcy")
def test_a_foreign_result_counts_as_absent() -> None:
    execute(spec("wrn", 0), ExecuteOptions())
    foreign = RunFolder(spec("wrn", 0)).result.read_bytes()
    folder = RunFolder(spec("wrn", 1))
    folder.path.mkdir(parents=True)
    folder.result.write_bytes(foreign)
    with pytest.raises(ValueError, match="it belongs to"):
        read_result(folder.result)
    result = execute(spec("wrn", 1), ExecuteOptions())
    assert result is not None
    assert result.spec.seed == 1


@pytest.mark.usefixtures("darcy")
def test_a_full_disk_fails_the_run_as_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, value: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device", str(path))

    monkeypatch.setattr(module, "write_json", full)
    with pytest.raises(RunError, match=r"failed \(disk\)"):
        execute(spec(), ExecuteOptions())
    status = RunFolder(spec()).status()
    assert status is not None
    assert (status.state, status.failure) == ("failed", "disk")
    monkeypatch.undo()


@pytest.fixture
def small_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A file system of one megabyte for the results."""
    folder = tmp_path / "small"
    folder.mkdir()
    words = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(folder)]
    if subprocess.run(words, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    monkeypatch.setenv("KIT_RESULTS", str(folder))
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


@pytest.mark.usefixtures("darcy", "small_disk")
def test_a_disk_that_is_really_full() -> None:
    """The checkpoint of 1.4 MB does not fit; the status does, by the space kept in reserve."""
    with pytest.raises(RunError, match=r"failed \(disk\): .*No space left"):
        execute(spec(), ExecuteOptions())
    folder = RunFolder(spec())
    status = folder.status()
    assert status is not None
    assert (status.state, status.failure) == ("failed", "disk")
    assert not folder.result.exists()
    assert not list(folder.path.rglob("*.tmp"))


def test_missing_data_fail_the_run_as_data_with_the_repair() -> None:
    with pytest.raises(RunError, match=r"\(data\).*kit data prepare darcy-flow"):
        execute(spec(), ExecuteOptions())


@pytest.mark.usefixtures("darcy")
def test_a_run_under_way_is_not_run_twice() -> None:
    folder = RunFolder(spec())
    with folder.opened(), pytest.raises(KitError, match="already running"):
        execute(spec(), ExecuteOptions())


@pytest.mark.usefixtures("darcy")
@pytest.mark.parametrize("above", [0, 2, 5])
def test_a_folder_that_is_moved_under_its_run_ends_it(
    above: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_CHECKPOINT_SECONDS", "0")
    longer = spec("wrn", 0, "epochs=3")
    run = RunFolder(longer)
    moved, elsewhere = [run.path, *run.path.parents][above], tmp_path / "moved"

    def move(_: str, epoch: int, *__: object) -> None:
        if epoch == 2 and not elsewhere.exists():
            moved.rename(elsewhere)

    with pytest.raises(FolderLostError, match=r"was moved or removed .* run it again"):
        execute(longer, ExecuteOptions(notify=move))
    assert not moved.exists()
    elsewhere.rename(moved)
    assert len(history.read(run.path)) == 2
    result = execute(longer, ExecuteOptions())
    assert result is not None
    assert result.stages["train"].sessions == 2
    assert [line["epoch"] for line in history.read(run.path)] == [0, 1, 2]


@pytest.mark.usefixtures("darcy")
def test_a_folder_that_is_another_runs_by_now_is_left_to_it() -> None:
    run, other = RunFolder(spec()), RunFolder(spec())
    with run.opened():
        run.path.rename(run.path.with_name("moved"))
        with other.opened():
            with pytest.raises(FolderLostError):
                run.set_status("running")
            other.set_status("running")
    assert other.status() is not None


STRETCHED = (
    *("search.epochs=5", "tune.epochs=4", "retrain.epochs=6"),
    *("retrain.schedule.milestones=[3]",),
)


@pytest.mark.usefixtures("darcy")
def test_kill_9_at_ten_random_moments_changes_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    words = [*("run", "darcy-flow", "dash", "--seed", "0", "--profile", "smoke")]
    words += [word for override in STRETCHED for word in ("-o", override)]
    monkeypatch.setenv("KIT_CHECKPOINT_SECONDS", "0")
    monkeypatch.setenv("KIT_RESULTS", str(tmp_path / "undisturbed"))
    _run(words).wait()
    whole = _result(tmp_path / "undisturbed")
    seconds = sum(stage["active_seconds"] for stage in whole["stages"].values())

    monkeypatch.setenv("KIT_RESULTS", str(tmp_path / "killed"))
    folder, moments, kills = RunFolder(spec("dash", 0, *STRETCHED)), random.Random(0), 0
    while kills < 10:
        before, process = len(history.read(folder.path)), _run(words)
        # Some attempts are killed before their first epoch, the others at some moment after it.
        enough = before + (kills % 3 > 0)
        while process.poll() is None and not (
            _begun_by(process, folder) and len(history.read(folder.path)) >= enough
        ):
            time.sleep(0.01)
        try:
            process.wait(moments.uniform(0, seconds / 20))
            break
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
            kills += 1
    assert kills >= 5
    assert _run(words).wait() == 0
    killed = _result(tmp_path / "killed")
    assert killed["metrics"] == whole["metrics"]
    assert killed["architecture"] == whole["architecture"]
    assert killed["artifacts"] == whole["artifacts"], "the weights, bit by bit"
    assert sum(stage["sessions"] for stage in killed["stages"].values()) > 3


def _begun_by(process: subprocess.Popen[bytes], folder: RunFolder) -> bool:
    status = folder.status()
    return status is not None and status.pid == process.pid


@pytest.mark.usefixtures("darcy")
def test_ctrl_c_ends_with_130_and_can_be_resumed() -> None:
    words = ["run", "darcy-flow", "wrn", "--seed", "0", "--profile", "smoke", "-o", "epochs=5000"]
    process = _run(words)
    folder = RunFolder(spec("wrn", 0, "epochs=5000"))
    while not folder.history.exists():
        time.sleep(0.05)
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130
    status = folder.status()
    assert status is not None
    assert (status.state, status.stage is None) == ("cancelled", True)


@pytest.mark.usefixtures("darcy")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_stop_ends_the_run_though_a_library_swallows_it(number: signal.Signals) -> None:
    def swallow(*_: object) -> None:
        with suppress(KeyboardInterrupt):
            signal.raise_signal(number)

    with pytest.raises(KeyboardInterrupt):
        execute(spec(), ExecuteOptions(notify=swallow))
    assert len(history.read(RunFolder(spec()).path)) == 1
    status = RunFolder(spec()).status()
    assert status is not None
    assert status.state == "cancelled"


def _run(words: list[str]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [sys.executable, "-m", "kit", *words],
        env=os.environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )


def _result(results: Path) -> Any:
    (file,) = results.glob("runs/*/*/*/*/result.json")
    return json.loads(file.read_text())
