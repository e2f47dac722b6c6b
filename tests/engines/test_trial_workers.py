"""Trials in several processes come to what they come to in one; those that fail are told."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kit.engines.execute import ExecuteOptions, execute
from kit.errors import KitError, RunError
from kit.runs import trial_records
from kit.runs.folder import RunFolder
from kit.spec import RunSpec
from tests import many_trials
from tests.engines.nvml import FakeGpus
from tests.specs import smoke_spec


@pytest.fixture(autouse=True)
def many(darcy: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_METHODS", str(many_trials.write(tmp_path / "methods", 12)))
    monkeypatch.setenv("KIT_TEST_JOURNAL", "1")


def spec(*overrides: str, seed: int = 0) -> RunSpec:
    return smoke_spec("many", *overrides, seed=seed, protocol="clean")


def run(of: RunSpec, where: str | None = "local:2", **how: Any) -> list[float]:
    assert execute(of, ExecuteOptions(device="cpu", trials_on=where, **how)) is not None
    output = RunFolder(of).output("tune")
    assert output is not None
    scores: list[float] = output["scores"]
    return scores


def journal(of: RunSpec) -> list[tuple[int, int]]:
    """Number and process of each trial that was begun."""
    return [(int(line[0]), int(line[1])) for line in lines(of)]


def lines(of: RunSpec) -> list[list[str]]:
    file = RunFolder(of).path / "journal"
    return [line.split() for line in file.read_text().splitlines()] if file.exists() else []


def test_the_same_scores_as_in_one_process(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """This process trains, too, and waits for the other one's long trial."""
    of = spec('acts={"0" = "wait"}')
    open_gate(of)
    alone = run(of, None)
    monkeypatch.setenv("KIT_RESULTS", str(tmp_path / "again"))
    open_gate(of)
    assert run(of, "local:3") == alone
    begun = journal(of)
    assert sorted(number for number, _ in begun) == list(range(12))
    assert os.getpid() in {pid for _, pid in begun}
    records = trial_records.read(trial_records.file_of(RunFolder(of).path, "tune"))
    assert records[3].configuration == {"value": 3 / 7, "act": "score"}


def open_gate(of: RunSpec) -> None:
    folder = RunFolder(of).path
    folder.mkdir(parents=True)
    (folder / "go").touch()


def test_workers_are_other_processes_and_end_with_the_stage() -> None:
    """All but one trial wait until two processes are at work."""
    of = spec('acts={"0" = "wait", "1" = "wait"}')
    folder = RunFolder(of).path
    with background("run", *words(of), "--trials-on", "local:2") as process:
        until(lambda: len({pid for _, pid in journal(of)}) == 2)
        (folder / "go").touch()
        assert process.wait(60) == 0
    for _, pid in journal(of):
        until(lambda pid=pid: not Path(f"/proc/{pid}").exists())  # type: ignore[misc]


def test_a_killed_process_is_replaced_and_its_trial_done_again() -> None:
    of = spec('acts={"0" = "kill", "1" = "wait"}')
    folder = RunFolder(of).path
    folder.mkdir(parents=True)
    with background("run", *words(of), "--trials-on", "local:3") as process:
        until(lambda: (folder / "once-0").exists() or process.poll() is not None)
        (folder / "go").touch()
        code = process.wait(60)
    numbers = [number for number, _ in journal(of)]
    if code == -signal.SIGKILL:  # it was this process itself that had trial 0
        assert run(of)
    else:
        assert code == 0
        assert sorted(numbers) == sorted([0, *range(12)])


@pytest.mark.parametrize(
    ("act", "error", "said"),
    [
        ("fail", RunError, r"failed \(oom\): all of it is gone"),
        ("mistake", KitError, "there is no such thing; take another"),
    ],
)
@pytest.mark.parametrize("where", [None, "local:2"])
def test_a_failure_is_classed_wherever_it_happens(
    act: str, error: type[Exception], said: str, where: str | None
) -> None:
    of = spec(f'acts={{"7" = "{act}"}}')
    with pytest.raises(error, match=said):
        run(of, where)
    status = RunFolder(of).status()
    assert status is not None
    assert status.state == "failed"


def test_a_crash_fails_the_run_as_the_methods() -> None:
    of = spec('acts={"0" = "crash", "1" = "wait"}')
    with background("run", *words(of), "--trials-on", "local:2") as process:
        until(lambda: (RunFolder(of).path / "journal").exists())
        time.sleep(0.1)
        (RunFolder(of).path / "go").touch()
        code = process.wait(60)
    status = RunFolder(of).status()
    assert status is not None
    if code == 1:  # else it was the run's own process that had trial 0
        assert (status.state, status.failure) == ("failed", "method")
        assert "SIGSEGV" in (status.message or "")
    else:
        assert code == -signal.SIGSEGV


def test_killed_and_resumed_none_is_trained_twice(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    of = spec('acts={"5" = "wait"}')
    folder = RunFolder(of).path
    with background("run", *words(of), "--trials-on", "local:2") as process:
        until(lambda: len(trial_records.read(trial_records.file_of(folder, "tune"))) == 11)
        process.kill()
        process.wait()
    for _, pid in journal(of):
        until(lambda pid=pid: not Path(f"/proc/{pid}").exists())  # type: ignore[misc]
    (folder / "go").touch()
    scores = run(of)
    assert sorted(number for number, _ in journal(of)) == sorted([5, *range(12)])
    monkeypatch.setenv("KIT_RESULTS", str(tmp_path / "whole"))
    open_gate(of)
    assert run(of, None) == scores


def test_each_process_leases_a_gpu_and_there_are_no_more_than_gpus(
    fake_gpus: Callable[..., FakeGpus],
) -> None:
    gpus, of = fake_gpus(2), spec('acts={"0" = "wait", "1" = "wait"}')
    folder = RunFolder(of).path
    asked = [*words(of)[:-2], "--trials-on", "local:3"]
    with background("run", *asked) as process:
        until(lambda: len({pid for _, pid in journal(of)}) == 2)
        (folder / "go").touch()
        out, _ = process.communicate(timeout=60)
        assert process.returncode == 0
    assert {gpu for _, _, gpu in lines(of)} == set(gpus.uuids)
    assert b"one process fewer for trials: no GPU to be had" in out


@pytest.mark.parametrize("count", ["0", "x", "-1", "1.5"])
def test_the_number_of_processes_is_checked(count: str) -> None:
    with pytest.raises(KitError, match=f"takes a number of processes, not '{count}'"):
        run(spec(), f"local:{count}")


def words(of: RunSpec) -> list[str]:
    overrides = [word for override in of.overrides for word in ("-o", override)]
    kind = ("--seed", str(of.seed), "--profile", "smoke", "--protocol", "clean")
    return [of.task, of.method, *kind, "--tier", of.tier, *overrides, "--device", "cpu"]


def background(*words: str) -> subprocess.Popen[bytes]:
    whole = [sys.executable, "-m", "kit", *words]
    return subprocess.Popen(whole, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)


def until(condition: Callable[[], object], seconds: float = 100) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.02)
