"""Stopping runs: a queue's own, several at once, and from outside any that is under way."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path

from kit import paths
from kit.engines import slurm
from kit.engines.choose import connect
from kit.engines.engine import Engine, EngineError, Handle, SweepOptions
from kit.engines.jobs import unfinished
from kit.engines.signals import InterruptCount
from kit.errors import KitError, UnavailableError
from kit.files import is_locked
from kit.runs import sweeps
from kit.runs.find import read_spec
from kit.runs.folder import RunFolder
from kit.runs.states import RunState, read_states
from kit.spec import RunSpec

GRACE_SECONDS = 10.0
SECONDS_BETWEEN_LOOKS = 0.05


def stop_together(
    engine: Engine, handles: Sequence[Handle], grace: float, interrupts: InterruptCount
) -> None:
    """Stop runs side by side, by TERM, and by KILL after the grace or at the next interrupt."""

    def stop(grace: float) -> list[threading.Thread]:
        threads = [
            threading.Thread(target=engine.stop, args=(handle, grace), daemon=True)
            for handle in handles
        ]
        for thread in threads:
            thread.start()
        return threads

    asked, threads = interrupts.value, stop(grace)
    while any(thread.is_alive() for thread in threads):
        if interrupts.value > asked:
            asked, threads = interrupts.value, stop(0.0)
        time.sleep(SECONDS_BETWEEN_LOOKS)


def stop_run(folder: Path, grace: float = GRACE_SECONDS) -> bool:
    """Stop a run, by TERM and then KILL; it can be resumed. False if it was not at work.

    The queue that it belongs to notes it as cancelled and goes on with the others.
    """
    run = RunFolder(read_spec(folder))
    attempt, status = run.attempt(), run.status()
    if attempt is not None and attempt.engine == slurm.NAME:
        if _stop_in_slurm([run.spec]):
            return True
    # A run has a process before it has its lock, and keeps it if its queue is killed meanwhile.
    elif unfinished(attempt):
        with _nothing_unless(run.is_running() or run.is_claimed()):
            engine = connect(attempt.engine, [], SweepOptions())
            handle = engine.find(run.spec, attempt.reference)
            if handle is not None:
                engine.stop(handle, grace)
                return True
    if run.is_running() and status is not None:  # a 'kit run'
        return _end(status.pid, run.lock, grace)
    return False


@contextmanager
def collected(refused: list[KitError]) -> Iterator[None]:
    """Add a refusal to a list instead of raising it, so that the others are stopped, too."""
    try:
        yield
    except KitError as error:
        refused.append(error)


def stop_sweeps(grace: float = GRACE_SECONDS) -> tuple[int, int, int]:
    """Stop every sweep on this results folder, what killed ones left running, and what Slurm has.

    Notes and locks that killed ones left are removed.

    Returns:
        How many sweeps, how many runs that had been left, and how many that Slurm had.

    Raises:
        KitError: a sweep or a run is in a container, on another machine or in a Slurm that does
            not answer; all others are stopped.
    """
    refused: list[KitError] = []
    ended = left_over = cancelled = 0
    for sweep in sweeps.live():
        with collected(refused):
            # A sweep gives its runs a grace of its own.
            ended += _end(sweep.pid, sweeps.lock(sweep.pid), 2 * grace)
    root = paths.runs()
    runs = read_states()
    in_slurm = [read_spec(root / run.folder) for run in runs if _is_in_slurm(run)]
    left = [root / run.folder for run in runs if _was_left(run) and not _is_in_slurm(run)]
    with collected(refused):
        cancelled = _stop_in_slurm(in_slurm)
    for folder in left:
        with collected(refused):
            left_over += stop_run(folder, grace)
    with suppress(KitError, OSError):  # without locks no sweep left any; what stays harms nobody
        sweeps.tidy()
    if refused:
        raise refused[0]
    return ended, left_over, cancelled


def _stop_in_slurm(specs: Sequence[RunSpec]) -> int:
    """Take runs out of Slurm's queue; returns how many of them were in it.

    Raises:
        UnavailableError: there is no Slurm here, and not all of them have ended.
    """
    try:
        return slurm.stop(specs) if specs else 0
    except UnavailableError:
        if any(unfinished(RunFolder(spec).attempt()) for spec in specs):
            raise
        return 0


@contextmanager
def _nothing_unless(at_work: bool) -> Iterator[None]:
    """Take an engine that is not there for one that has nothing of a run that is not at work."""
    try:
        yield
    except (EngineError, UnavailableError) as error:
        if at_work:
            raise UnavailableError(str(error)) from None


def _is_in_slurm(run: RunState) -> bool:
    return run.attempt is not None and run.attempt.engine == slurm.NAME and run.state != "succeeded"


def _was_left(run: RunState) -> bool:
    return run.state != "succeeded" and unfinished(run.attempt)


def _end(pid: int, lock: Path, grace: float) -> bool:
    """Send TERM to the process that holds a lock, and KILL if it still holds it after the grace.

    Raises:
        KitError: it is not the one that it says it is, as seen from here.
    """
    if not _holds(pid, lock):
        raise KitError(f"{lock} is held in a container or on another machine; stop it there")
    deadline, number = time.monotonic() + grace, signal.SIGTERM
    with suppress(ProcessLookupError):
        os.kill(pid, number)
    while is_locked(lock):
        if number == signal.SIGTERM and time.monotonic() >= deadline:
            number = signal.SIGKILL
            with suppress(ProcessLookupError):
                os.kill(pid, number)
        time.sleep(SECONDS_BETWEEN_LOOKS)
    return True


def _holds(pid: int, lock: Path) -> bool:
    """Tell whether a process of this machine has a file open: a pid alone proves nothing."""
    for link in Path(f"/proc/{pid}/fd").glob("*"):
        with suppress(OSError):
            if link.samefile(lock):
                return True
    return False
