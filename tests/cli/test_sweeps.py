"""A sweep seen and stopped from outside: status, logs, stop; the runs themselves are made up."""

from __future__ import annotations

import json
import os
import pty
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kit import paths
from kit.files import locked, write_json
from kit.runs import sweeps
from kit.runs.folder import RunFolder, now
from kit.runs.logs import ESCAPES
from tests.conftest import Run
from tests.engines.fake_run import attempt, spec_of

SWEEP = """
import sys
from kit.cli import sweep
from kit.engines.engine import SweepOptions
from kit.engines.jobs import Job, RetryPolicy
from kit.engines.slots import Cpu
from tests.engines.chaos import FakeLocal
from tests.engines.fake_run import spec_of
jobs = [Job(spec_of("darcy-flow", "wrn", seed), hours=1.0) for seed in range(3)]
sys.exit(bool(sweep.run(jobs, FakeLocal(SweepOptions()), Cpu(2), RetryPolicy(grace=2.0))))
"""


@pytest.fixture
def sweep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[subprocess.Popen[str]]:
    """Three runs, two at a time; seeds 0 and 1 take long, seed 1 takes no notice of TERM."""
    plan = {"journal": str(tmp_path / "journal"), "long": {"0": 60.0}, "acts": {"1": "hang"}}
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("FAKE_RUN", json.dumps(plan))
    words = [sys.executable, "-c", SWEEP]
    with subprocess.Popen(words, stderr=subprocess.PIPE, text=True) as process:
        while (tmp_path / "journal").exists() is False or len(lines(tmp_path)) < 2:
            time.sleep(0.02)
        yield process
        process.kill()
    for line in lines(tmp_path):
        if line["what"] != "end" and Path(f"/proc/{line['pid']}").exists():
            os.kill(line["pid"], 9)


def lines(folder: Path) -> list[Any]:
    return [json.loads(line) for line in (folder / "journal").read_text().splitlines()]


def states(kit: Run) -> dict[int, str]:
    found = json.loads(kit("status", "--format", "json").stdout)
    return {run["seed"]: run["state"] for run in found["runs"]}


def test_status_shows_what_runs_and_what_waits(kit: Run, sweep: subprocess.Popen[str]) -> None:
    del sweep
    found = json.loads(kit("status", "--format", "json").stdout)
    runs = {run["seed"]: run for run in found["runs"]}
    assert [runs[seed]["state"] for seed in range(3)] == ["running", "running", "queued"]
    assert (runs[0]["stage"], runs[0]["epoch"], runs[0]["epochs"]) == ("train", 1, 2)
    assert 3500 < runs[0]["seconds_left"] <= 3600
    (sweep_,) = found["sweeps"]
    assert (sweep_["engine"], sweep_["places"], sweep_["runs"]) == ("local", 2, 3)
    assert 7000 < sweep_["seconds_left"] <= 7200
    text = kit("status").stdout
    assert "darcy-flow/wrn/0" in text
    assert "1/2" in text
    assert "2 running, 1 queued" in text
    assert "2 h left" in text


def test_status_is_watched_until_ctrl_c(sweep: subprocess.Popen[str]) -> None:
    del sweep
    terminal, other = pty.openpty()
    words = [sys.executable, "-m", "kit", "status", "--watch"]
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen(words, stdout=other, env=environment)
    os.close(other)
    seen = b""
    while seen.count(b"darcy-flow/wrn/0") < 2:
        seen += os.read(terminal, 4096)
    process.send_signal(signal.SIGINT)
    with suppress(OSError):  # once nobody has the terminal open any more
        while os.read(terminal, 4096):  # else a full one would hold up the last picture
            pass
    assert process.wait(20) == 0
    os.close(terminal)


def test_one_run_is_stopped_and_the_sweep_goes_on(kit: Run, sweep: subprocess.Popen[str]) -> None:
    done = kit("stop", "darcy-flow/wrn/0")
    assert done.returncode == 0, done.stderr
    assert "stopped" in done.stdout
    while states(kit)[2] != "succeeded":
        assert sweep.poll() is None
    assert states(kit)[0] == "cancelled"
    assert states(kit)[1] == "running"
    assert kit("stop", "darcy-flow/wrn/0").returncode == 2
    assert "did you mean 'darcy-flow/wrn'" in kit("stop", "darcy-flow/wnr/0").stderr


def test_a_whole_sweep_is_stopped(kit: Run, sweep: subprocess.Popen[str]) -> None:
    assert "1 sweep stopped, and 0 runs" in kit("stop").stdout
    assert sweep.wait(30) != 0
    assert states(kit) == {0: "cancelled", 1: "stopped"}
    assert "0 sweeps stopped, and 0 runs" in kit("stop").stdout


def test_a_sweep_elsewhere_keeps_no_other_from_being_stopped(
    kit: Run, sweep: subprocess.Popen[str]
) -> None:
    """Several machines may share the results; a sweep is stopped on the one where it runs."""
    with locked(sweeps.lock(1)) as mine:  # as of a sweep of another machine, whose process is its 1
        assert mine
        there = sweeps.Sweep(pid=1, engine="local", started=now(), places=1, runs=())
        write_json(sweeps.lock(1).with_suffix(".json"), there)
        done = kit("stop")
    assert done.returncode == 2
    assert "on another machine; stop it there" in done.stderr
    assert sweep.wait(30) != 0
    assert states(kit) == {0: "cancelled", 1: "stopped"}


def test_a_run_elsewhere_keeps_no_other_from_being_stopped(
    kit: Run, sweep: subprocess.Popen[str]
) -> None:
    del sweep
    elsewhere = RunFolder(spec_of("darcy-flow", "wrn", 9))
    with elsewhere.opened():
        elsewhere.set_status("running")
        status = json.loads((elsewhere.path / "status.json").read_text())
        write_json(elsewhere.path / "status.json", {**status, "pid": 1})
        done = kit("stop", "darcy-flow/wrn")
    assert done.returncode == 2
    assert "on another machine; stop it there" in done.stderr
    assert done.stdout.count("stopped") == 2


def test_what_a_killed_sweep_left_is_stopped(kit: Run, sweep: subprocess.Popen[str]) -> None:
    sweep.kill()
    sweep.wait()
    assert "0 sweeps stopped, and 2 runs" in kit("stop").stdout
    assert not any(state == "running" for state in states(kit).values())
    assert not list((paths.results() / "sweeps").iterdir())


@contextmanager
def asleep(folder: RunFolder) -> Iterator[subprocess.Popen[bytes]]:
    """A process of a run that does nothing, as a queue would have started it."""
    folder.write_spec()
    with folder.log.open("ab") as log:
        process = subprocess.Popen(["sleep", "20"], stdout=log, start_new_session=True)
    born = Path(f"/proc/{process.pid}/stat").read_text().rpartition(") ")[2].split()[19]
    folder.set_attempt(msgspec.structs.replace(attempt(), reference=f"{process.pid}:{born}"))
    yield process
    process.kill()
    process.wait()


def test_a_run_that_is_only_starting_is_stopped(kit: Run) -> None:
    """For seconds, while torch is loaded, a run has a process and no lock of its own."""
    folder = RunFolder(spec_of("darcy-flow", "wrn", 0))
    with folder.claimed(), asleep(folder) as process:
        assert states(kit) == {0: "starting"}
        assert "stopped" in kit("stop", "darcy-flow/wrn/0").stdout
        assert process.wait(10) == -signal.SIGTERM


def test_a_run_that_was_starting_when_its_sweep_was_killed_is_stopped(
    kit: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    with asleep(RunFolder(spec_of("darcy-flow", "wrn", 0))) as process:
        assert states(kit) == {0: "stopped"}
        assert "0 sweeps stopped, and 1 run left over" in kit("stop").stdout
        assert process.wait(10) == -signal.SIGTERM
    # An engine that is gone has taken its containers along.
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere")
    folder = RunFolder(spec_of("darcy-flow", "wrn", 1))
    folder.write_spec()
    folder.set_attempt(msgspec.structs.replace(attempt(), engine="docker"))
    assert "0 sweeps stopped, and 0 runs" in kit("stop").stdout


@pytest.mark.parametrize("where", ["alone", "after Slurm", "after Slurm, of which nothing is here"])
def test_a_run_by_hand_is_stopped(
    kit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    plan = {"journal": str(tmp_path / "journal"), "long": {"0": 60.0}}
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("FAKE_RUN", json.dumps(plan))
    folder = RunFolder(spec_of("darcy-flow", "wrn", 0))
    folder.write_spec()
    if where != "alone":
        folder.set_attempt(msgspec.structs.replace(attempt(now(), "cancelled"), engine="slurm"))
        programs(tmp_path, monkeypatch, *(["squeue"] if where == "after Slurm" else []))
    words = ["-m", "tests.engines.fake_run", "run", "--spec", str(folder.path / "spec.json")]
    with subprocess.Popen([sys.executable, *words]) as process:
        while not (tmp_path / "journal").exists():
            time.sleep(0.02)
        assert "stopped" in kit("stop", "darcy-flow/wrn").stdout
        assert process.wait(10) == 130


def test_without_slurm_all_but_its_own_is_stopped(
    kit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    left, waits = (RunFolder(spec_of("darcy-flow", "wrn", seed)) for seed in (0, 1))
    waits.write_spec()
    waits.set_attempt(msgspec.structs.replace(attempt(), engine="slurm"))
    with left.opened(), asleep(left) as process:
        programs(tmp_path, monkeypatch)
        done = kit("stop")
        assert process.wait(10) == -signal.SIGTERM
    assert done.returncode == 69
    assert "no Slurm here" in done.stderr
    # What has ended there keeps nobody from anything.
    waits.set_attempt(msgspec.structs.replace(attempt(now(), "oom"), engine="slurm"))
    assert "0 sweeps stopped, and 0 runs" in kit("stop").stdout


def programs(folder: Path, patch: pytest.MonkeyPatch, *names: str) -> None:
    """Let there be these commands alone, which do nothing."""
    (folder / "bin").mkdir()
    for name in names:
        (folder / "bin" / name).write_text("#!/bin/sh\n")
        (folder / "bin" / name).chmod(0o755)
    patch.setenv("PATH", str(folder / "bin"))


def test_logs_show_the_end_and_follow(kit: Run) -> None:
    folder = RunFolder(spec_of("darcy-flow", "wrn", 0))
    with folder.opened():
        folder.log.write_bytes(b"".join(b"line %d\n" % n for n in range(100)) + b"\xff 1%\r 99%\n")
        assert kit("logs", "darcy-flow/wrn/0", "-n", "2").stdout == "line 99\n 99%\n"
        words = [sys.executable, "-m", "kit", "logs", folder.spec.id[:6], "-f", "-n", "1"]
        process = subprocess.Popen(words, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == " 99%\n"
        with folder.log.open("ab") as stream:
            stream.write(b"more\nlast")
        assert process.stdout.readline() == "more\n"
    assert process.communicate(timeout=20)[0] == "last\n"
    assert process.returncode == 0
    assert kit("logs", "darcy-flow/wrm/0").returncode == 2


def test_in_a_terminal_the_sweep_is_drawn_and_the_cursor_comes_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = {"journal": str(tmp_path / "journal"), "long": {"0": 60.0}, "acts": {"1": "hang"}}
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    monkeypatch.setenv("FAKE_RUN", json.dumps(plan))
    terminal, other = pty.openpty()
    environment = os.environ | {"TERM": "xterm", "COLUMNS": "120"}
    process = subprocess.Popen([sys.executable, "-c", SWEEP], stderr=other, env=environment)
    os.close(other)
    seen = b""
    while b"darcy-flow/wrn/1" not in seen or b"1/2" not in seen:
        seen += os.read(terminal, 4096)
    for _ in range(2):  # twice: at once, though one of the two takes no notice
        process.send_signal(signal.SIGINT)
        time.sleep(0.2)
    with suppress(OSError):  # the other end is closed: the process has ended
        while part := os.read(terminal, 4096):
            seen += part
    os.close(terminal)
    assert process.wait() != 0
    text = seen.decode()
    drawn = ESCAPES.sub("", text)
    assert "1 waiting" in drawn
    assert "h left" in drawn
    assert "stopping 2 runs; Ctrl-C once more kills them" in text
    assert text.rindex("\x1b[?25h") > text.rindex("\x1b[?25l"), "the cursor is shown again"


REPRODUCE = ("reproduce", "--table", "5", "--task", "darcy-flow", "--method", "wrn")


@pytest.mark.usefixtures("darcy")
def test_two_reproduces_share_the_work_and_print_the_same_table() -> None:
    words = [sys.executable, "-m", "kit", *REPRODUCE, "--profile", "smoke", "--jobs", "1"]
    both = [
        subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    (one, told), (other, told_other) = (process.communicate(timeout=240) for process in both)
    assert [process.returncode for process in both] == [0, 0], told + told_other
    assert one == other
    assert "seeds 0, 1, 2" in one
    done = [line for line in (told + told_other).splitlines() if "done after" in line]
    assert len({line.partition(":")[0] for line in done}) == len(done) == 3


@pytest.mark.usefixtures("darcy")
def test_a_plan_that_needs_more_room_than_there_is_is_refused(
    kit: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small = tmp_path / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(small)]
    if subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("mounting a small file system needs root")
    monkeypatch.setenv("KIT_RESULTS", str(small / "results"))
    try:
        done = kit(*REPRODUCE, "--profile", "smoke")
    finally:
        subprocess.run(["umount", str(small)], check=True)
    assert done.returncode == 2
    assert re.search(r"the plan needs about \d+\.\d MB", done.stderr)
    assert "1.0 MB are free; make room" in done.stderr


def test_an_engine_that_cannot_be_had_is_told_by_its_own_exit_code(
    kit: Run, darcy: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del darcy
    monkeypatch.setenv("DOCKER_HOST", "unix:///nowhere/docker.sock")
    done = kit(*REPRODUCE, "--profile", "smoke", "--engine", "docker")
    assert done.returncode == 69
    assert done.stderr.startswith("kit: engine docker:")
    assert done.stderr.count("\n") == 1


def test_the_plan_of_a_whole_table_on_gpus_that_are_not_here(kit: Run) -> None:
    done = kit("plan", "--table", "6", "--method", "dash", "--gpus", "8", "--dry-run")
    assert done.returncode == 0, done.stderr
    assert "30 to run, 0 done; 245 h of work, 31.8 h on 8 GPUs; about" in done.stdout
    plan = json.loads(kit("plan", "--table", "5", "--gpus", "8", "--format", "json").stdout)
    assert plan["places"] == 8
    assert 0 < plan["hours"] < sum(run["hours"] or 0 for run in plan["runs"])
    assert plan["bytes"] > 1e9
    assert plan["runs_of_unknown_length"] == sum(run["hours"] is None for run in plan["runs"])
