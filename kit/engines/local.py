"""The local engine: one process per run, longest first; a failed run stops no other."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from kit.files import write_json
from kit.runs.folder import RunFolder
from kit.runs.records import Status
from kit.spec import RunSpec

POLL_SECONDS = 0.2
GRACE_SECONDS = 10.0


@dataclass
class Running:
    """A run under way in a process of its own."""

    folder: RunFolder
    process: subprocess.Popen[bytes]
    began: float

    @property
    def spec(self) -> RunSpec:
        """Its spec."""
        return self.folder.spec


@dataclass(frozen=True)
class Ended:
    """A run that has ended: exit code 0 means that it has a result."""

    spec: RunSpec
    code: int
    seconds: float
    status: Status | None
    log: Path


def run_all(
    specs: Sequence[RunSpec],
    *,
    jobs: int,
    device: str | None = None,
    watch: Callable[[Sequence[Running]], None] = lambda _: None,
    ended: Callable[[Ended], None] = lambda _: None,
) -> list[Ended]:
    """Run all specs, at most ``jobs`` at a time, in their order.

    Args:
        specs: without overrides.
        jobs: processes at a time.
        device: passed on to each run.
        watch: called a few times a second with the runs under way.
        ended: called once per run.

    Raises:
        KeyboardInterrupt: after every process got TERM, and KILL where it took no notice.
    """
    waiting, running, done = list(specs), list[Running](), list[Ended]()
    try:
        while waiting or running:
            while waiting and len(running) < jobs:
                running.append(_start(waiting.pop(0), device))
            for each in [each for each in running if each.process.poll() is not None]:
                running.remove(each)
                end = Ended(
                    spec=each.spec,
                    code=each.process.returncode,
                    seconds=time.monotonic() - each.began,
                    status=each.folder.status(),
                    log=each.folder.log,
                )
                done.append(end)
                ended(end)
            watch(running)
            time.sleep(POLL_SECONDS)
    except BaseException:
        _stop(running)
        raise
    return done


def command(spec: RunSpec, device: str | None) -> list[str]:
    """Return the command line of a run: the same that a person types."""
    words = [sys.executable, "-m", "kit", "run", spec.task, spec.method, "--seed", str(spec.seed)]
    words += [
        "--profile",
        spec.profile,
        "--protocol",
        spec.protocol,
        "--tier",
        spec.tier,
        "--force",
    ]
    return words if device is None else [*words, "--device", device]


def _start(spec: RunSpec, device: str | None) -> Running:
    folder = RunFolder(spec)
    folder.path.mkdir(parents=True, exist_ok=True)
    words = command(spec, device)
    with folder.log.open("ab") as log:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=os.environ | {"PYTHONUNBUFFERED": "1"},
            # Out of the terminal's group: Ctrl-C reaches the engine, which stops its runs itself.
            start_new_session=True,
        )
    write_json(folder.path / "engine.json", {"engine": "local", "pid": process.pid})
    return Running(folder, process, time.monotonic())


def _stop(running: Sequence[Running]) -> None:
    for each in running:
        each.process.send_signal(signal.SIGTERM)
    deadline = time.monotonic() + GRACE_SECONDS
    for each in running:
        try:
            each.process.wait(max(0.0, deadline - time.monotonic()))
        except subprocess.TimeoutExpired:
            each.process.kill()
            each.process.wait()
