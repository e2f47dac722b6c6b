"""The local engine: a process per run, in a session of its own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from kit import method
from kit.engines.engine import Exit, Handle, SweepOptions, environment
from kit.engines.handover import arguments
from kit.runs import logs
from kit.runs.folder import RunFolder
from kit.spec import RunSpec

SECONDS_BETWEEN_LOOKS = 0.02


def unusable(specs: Sequence[RunSpec], options: SweepOptions) -> str | None:
    """Return why these runs cannot be processes of this machine: a package is missing."""
    del options
    lines = (method.find(name).missing() for name in {spec.method for spec in specs})
    return next(filter(None, lines), None)


def connect(options: SweepOptions) -> Local:
    """Return the engine."""
    return Local(options)


class Local:
    """See ``kit.engines.engine.Engine``. A reference is ``pid:start``, which no reused pid has."""

    name = "local"

    def __init__(self, options: SweepOptions) -> None:
        self.options = options
        self._children: dict[str, subprocess.Popen[bytes]] = {}
        self._oom_kills: dict[str, int] = {}

    def start(self, spec: RunSpec, gpus: tuple[str, ...]) -> Handle:
        """Start the process of a run."""
        kills, folder = oom_kills(), RunFolder(spec)
        folder.write_spec()
        with folder.log.open("ab") as log:
            process = subprocess.Popen(
                self._command(spec),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=os.environ | environment(gpus, self.options),
                # Out of the terminal's group: Ctrl-C reaches the queue, which stops its runs.
                start_new_session=True,
            )
        reference = f"{process.pid}:{_born(process.pid)}"
        self._children[reference], self._oom_kills[reference] = process, kills
        return Handle(spec, reference)

    def find(self, spec: RunSpec, reference: str | None) -> Handle | None:
        """Return a process that an earlier supervisor left behind, if it is at this run."""
        if not reference or not _alive(reference):
            return None
        return Handle(spec, reference) if _writes(reference, RunFolder(spec).log) else None

    def poll(self, handle: Handle) -> Exit | None:
        """Return how the process ended; what it may have started itself is ended, too."""
        logs.cap(RunFolder(handle.spec).log)
        child = self._children.get(handle.reference)
        if child is None:
            return None if _alive(handle.reference) else Exit(None)
        code = child.poll()
        if code is None:
            return None
        _kill_group(handle.reference)
        kills = self._oom_kills[handle.reference]
        return Exit(code, oom_killed=killed_for_memory(code, kills))

    def stop(self, handle: Handle, grace: float) -> None:
        """End the process: TERM, and after the grace KILL for it and all that it started."""
        deadline = time.monotonic() + grace
        if grace > 0 and self.poll(handle) is None:
            with suppress(ProcessLookupError):
                os.kill(_pid(handle.reference), signal.SIGTERM)
        while self.poll(handle) is None:
            if time.monotonic() >= deadline:
                _kill_group(handle.reference)
            time.sleep(SECONDS_BETWEEN_LOOKS)

    def close(self) -> None:
        """Nothing is held open."""

    def _command(self, spec: RunSpec) -> list[str]:
        words = arguments(spec, self.options.device, trials_on=self.options.trials_on)
        return [sys.executable, "-m", "kit", *words]


def _pid(reference: str) -> int:
    return int(reference.partition(":")[0])


def _born(pid: int) -> int | None:
    """Return when a process started, in ticks since boot; None if it is dead or a zombie."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(") ")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])


def _alive(reference: str) -> bool:
    pid, _, born = reference.partition(":")
    # Of a process that could not be looked up nothing is known, so it is not taken for this one.
    return pid.isdecimal() and born.isdecimal() and _born(int(pid)) == int(born)


def _writes(reference: str, log: Path) -> bool:
    """Tell whether a process prints to a run's log, as those do that were started for it."""
    with suppress(OSError):
        return Path(f"/proc/{_pid(reference)}/fd/1").samefile(log)
    return False


def _kill_group(reference: str) -> None:
    with suppress(ProcessLookupError, PermissionError):
        os.killpg(_pid(reference), signal.SIGKILL)


def killed_for_memory(code: int, kills_before: int) -> bool:
    """Tell whether a process was probably killed by the kernel because memory ran out.

    Args:
        code: that it ended with, as in ``subprocess``.
        kills_before: what ``oom_kills`` said before it started.
    """
    return code == -signal.SIGKILL and oom_kills() > kills_before


def oom_kills() -> int:
    """Return how often the kernel has killed for want of memory since boot."""
    with suppress(OSError):
        for line in Path("/proc/vmstat").read_text(encoding="utf-8").splitlines():
            if line.startswith("oom_kill "):
                return int(line.split()[1])
    return 0
