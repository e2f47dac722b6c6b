"""Worker processes: killed, as by the kernel for want of memory, or left by one that was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

import pytest

from kit import discovery
from kit.data.parallel import parallel

COMMAND = "kit data prepare darcy-flow --tier regenerated --profile lite --workers 2"

SLOW = """
import time

def work(folder, number):
    (folder / str(number)).touch()
    time.sleep(0.02)
    assert number, "the first fails"
"""

SLEEPY = """
import time

def work(seconds):
    time.sleep(seconds)
"""


def workers_of(parent: int) -> list[int]:
    file = Path(f"/proc/{parent}/task/{parent}/children")
    children = [int(each) for each in file.read_text().split()]
    return [pid for pid in children if is_worker(pid)]


def is_worker(pid: int) -> bool:
    with suppress(FileNotFoundError, ProcessLookupError):
        return b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()
    return False


def begun(home: Path) -> tuple[subprocess.Popen[str], Path]:
    """The command, with a part made, and the folder of its parts."""
    words = [sys.executable, "-m", *COMMAND.split()]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    scratch = home / "data" / "darcy-flow" / ".regenerated-lite.partial"
    while not list(scratch.glob("*.npy")) and process.poll() is None:
        time.sleep(0.02)
    return process, scratch


def test_one_line_and_what_is_done_is_kept(home: Path) -> None:
    process, scratch = begun(home)
    made = list(scratch.glob("*.npy"))
    os.kill(workers_of(process.pid)[0], signal.SIGKILL)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 2, told
    assert "Traceback" not in told
    assert "2 processes at work was killed" in told.splitlines()[-1]
    assert made
    assert {file.name for file in made} <= {file.name for file in scratch.glob("*.npy")}


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM])
def test_workers_end_with_the_process_that_is_killed(home: Path, number: signal.Signals) -> None:
    process, _ = begun(home)
    left = workers_of(process.pid)
    assert left
    process.send_signal(number)
    process.communicate(timeout=60)
    deadline = time.monotonic() + 30
    while any(map(is_worker, left)) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert not any(map(is_worker, left))


def test_term_ends_a_command_as_ctrl_c_does(home: Path) -> None:
    process, scratch = begun(home)
    process.terminate()
    _, told = process.communicate(timeout=60)
    assert process.returncode == 130
    assert told.splitlines()[-1] == "kit: interrupted; the same command resumes"
    assert list(scratch.parent.iterdir()) == [scratch], "the lock is gone"


def test_work_is_not_waited_for_after_an_interruption(tmp_path: Path) -> None:
    folder = tmp_path / "sleepy"
    folder.mkdir()
    (folder / "prepare.py").write_text(SLEEPY, encoding="utf-8")
    work = discovery.load("sleepy_tasks", folder, "prepare").work
    calls = parallel(work, [(0,), (300,)], 2)
    next(calls)
    with pytest.raises(KeyboardInterrupt):
        calls.throw(KeyboardInterrupt)  # type: ignore[attr-defined]
    deadline = time.monotonic() + 30
    while workers_of(os.getpid()) and time.monotonic() < deadline:
        time.sleep(0.05)
    assert workers_of(os.getpid()) == []


def test_work_not_yet_begun_is_dropped_after_an_error(tmp_path: Path) -> None:
    folder, done = tmp_path / "slow", tmp_path / "done"
    for each in (folder, done):
        each.mkdir()
    (folder / "prepare.py").write_text(SLOW, encoding="utf-8")
    work = discovery.load("slow_tasks", folder, "prepare").work
    with pytest.raises(AssertionError, match="the first fails"):
        list(parallel(work, [(done, number) for number in range(500)], 2))
    time.sleep(2)  # for what was at work
    assert 0 < len(list(done.iterdir())) < 60
