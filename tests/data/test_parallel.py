"""A worker process that is killed, as by the kernel for want of memory."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

COMMAND = "kit data prepare darcy-flow --tier regenerated --profile lite --workers 2"


def workers_of(parent: int) -> list[int]:
    file = Path(f"/proc/{parent}/task/{parent}/children")
    children = [int(each) for each in file.read_text().split()]
    return [pid for pid in children if b"spawn_main" in Path(f"/proc/{pid}/cmdline").read_bytes()]


def test_one_line_and_what_is_done_is_kept(home: Path) -> None:
    words = [sys.executable, "-m", *COMMAND.split()]
    process = subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    scratch = home / "data" / "darcy-flow" / ".regenerated-lite.partial"
    while not (made := list(scratch.glob("*.npy"))) and process.poll() is None:
        time.sleep(0.02)
    os.kill(workers_of(process.pid)[0], signal.SIGKILL)
    _, told = process.communicate(timeout=60)
    assert process.returncode == 2, told
    assert "Traceback" not in told
    assert "2 processes at work was killed" in told.splitlines()[-1]
    assert made
    assert {file.name for file in made} <= {file.name for file in scratch.glob("*.npy")}
