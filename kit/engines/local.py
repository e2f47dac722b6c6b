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
    """A run under way in a process of its own; ``slot`` is its place, a GPU's UUID or None."""

    folder: RunFolder
    process: subprocess.Popen[bytes]
    began: float
    slot: str | None

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
    slots: Sequence[str | None],
    device: str | None = None,
    watch: Callable[[Sequence[Running]], None] = lambda _: None,
    ended: Callable[[Ended], None] = lambda _: None,
) -> list[Ended]:
    """Run all specs in their order, as many at a time as there are slots.

    Args:
        specs: without overrides.
        slots: the UUID of the GPU that a run in this slot sees, or None for a run on the CPU.
        device: passed on to each run.
        watch: called a few times a second with the runs under way.
        ended: called once per run.

    Raises:
        KeyboardInterrupt: after every process got TERM, and KILL where it took no notice.
    """
    waiting, running, done = list(specs), list[Running](), list[Ended]()
    free = list(slots)
    try:
        while waiting or running:
            while waiting and free:
                running.append(_start(waiting.pop(0), free.pop(0), device))
            for each in [each for each in running if each.process.poll() is not None]:
                running.remove(each)
                free.append(each.slot)
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


def _start(spec: RunSpec, slot: str | None, device: str | None) -> Running:
    folder = RunFolder(spec)
    folder.path.mkdir(parents=True, exist_ok=True)
    words = command(spec, device)
    environment = os.environ | {"PYTHONUNBUFFERED": "1"}
    if slot is not None:
        environment["CUDA_VISIBLE_DEVICES"] = slot
    with folder.log.open("ab") as log:
        process = subprocess.Popen(
            words,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            env=environment,
            # Out of the terminal's group: Ctrl-C reaches the engine, which stops its runs itself.
            start_new_session=True,
        )
    write_json(folder.path / "engine.json", {"engine": "local", "pid": process.pid, "gpu": slot})
    return Running(folder, process, time.monotonic(), slot)


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
