"""Trials in several processes of this machine, each on a GPU that it has leased, or on a core.

A worker is ``kit.engines.trial_worker``: it reads a job a line and answers each with a line. It
ends with its input, so that none is left however this process ends. The run's own process trains,
too, whenever it would have to wait.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from queue import Empty, SimpleQueue
from threading import Lock, Thread

import msgspec

from kit.engines import choose, leases
from kit.engines.engine import LEASE_SECONDS
from kit.engines.local import killed_for_memory, oom_kills
from kit.engines.trial_worker import Answer, Failed, Setup, Unready
from kit.errors import KitError
from kit.runs.failures import TrialError, from_exit
from kit.runs.trial_records import TrialRecord, TrialWork

COMMAND = (sys.executable, "-m", "kit.engines.trial_worker")
# How often a trial is tried again whose process was killed from outside.
RETRIES = 3

Keep = Callable[[TrialRecord], None]
Jobs = SimpleQueue[tuple[TrialWork, Keep] | None]
Ends = SimpleQueue[Exception | None]


def processes(where: str) -> int:
    """Return how many processes of this machine ``--trials-on`` names, 1 where that is not said.

    Raises:
        KitError: ``local:N`` without a number, or no place at all.
    """
    if not where:
        raise KitError("--trials-on is empty; say local:N, HOST:PORT or auto, or leave it out")
    place, _, count = where.partition(":")
    if place != "local" or not count:
        return 1
    if not (count.isdecimal() and int(count) > 0):
        raise KitError(f"--trials-on local:N takes a number of processes, not {count!r}")
    return int(count)


@contextmanager
def local_trials(setup: Setup, count: str, log: Callable[[str], None]) -> Iterator[LocalTrials]:
    """Yield what trains a run's trials in processes of this machine.

    Args:
        setup: whose trials they are.
        count: how many at a time, this one included; empty for one per GPU that the run may take,
            or per core.
        log: takes a line for the user.

    Raises:
        KitError: ``count`` is no number.
    """
    if count:
        wanted = processes(f"local:{count}")
    else:
        wanted = choose.slots(None, None, setup.device, leases.runs_per_gpu()).capacity
    if setup.threads is None and setup.spec.profile == "paper":
        each = max(1, len(os.sched_getaffinity(0)) // wanted)
        setup = msgspec.structs.replace(setup, threads=each)
    trials = LocalTrials(setup, wanted, log)
    try:
        yield trials
    finally:
        trials.release()


class LocalTrials:
    """See ``kit.base.trials.RemoteTrials``.

    Args:
        setup: what workers are told at first.
        count: of processes that train at a time, this one included.
        log: takes a line for the user.
    """

    def __init__(self, setup: Setup, count: int, log: Callable[[str], None]) -> None:
        self.setup, self.count, self.log = setup, count, log
        self._jobs, self._ends = Jobs(), Ends()
        self._workers: dict[Thread, Worker] = {}

    def begin(self, job: TrialWork, keep: Keep) -> None:
        """Have a trial trained; each of the first jobs brings a worker."""
        self._jobs.put((job, keep))
        if len(self._workers) < self.count - 1:
            worker = Worker(self.setup)
            thread = Thread(target=self._serve, args=(worker, self._jobs, self._ends), daemon=True)
            self._workers[thread] = worker
            thread.start()

    def collect(self, here: Callable[[TrialWork], TrialRecord]) -> None:
        """Take note of a trial that has ended; else train one, or wait where all are begun."""
        try:
            error = self._ends.get_nowait()
        except Empty:
            if waiting := _next(self._jobs):
                job, keep = waiting
                keep(here(job))
                return
            error = self._ends.get()
        if error is not None:
            raise error

    def release(self) -> None:
        """End the workers; what they are at goes on from its checkpoint another time."""
        while _next(self._jobs):
            pass
        for worker in self._workers.values():
            self._jobs.put(None)
            worker.close()
        for thread in self._workers:
            thread.join()
        self._jobs, self._ends, self._workers = Jobs(), Ends(), {}

    def _serve(self, worker: Worker, jobs: Jobs, ends: Ends) -> None:
        """Give jobs to a worker, and pass on how they end."""
        while (waiting := jobs.get()) is not None:
            job, keep = waiting
            try:
                answer = worker.ask(job)
                if isinstance(answer, Unready):
                    self.log(f"one process fewer for trials: {answer.reason}")
                    jobs.put(waiting)
                    ends.put(None)  # whoever waits may have to train it
                    return
                if isinstance(answer, Failed):
                    raise answer.error()
                keep(answer.record)
                ends.put(None)
            except (TrialError, KitError, OSError) as error:
                ends.put(error)


class Worker:
    """One process, begun with its first job, and anew where it was killed."""

    def __init__(self, setup: Setup) -> None:
        self.setup = setup
        self._process: subprocess.Popen[bytes] | None = None
        self._lock, self._closed = Lock(), False

    def ask(self, job: TrialWork) -> Answer:
        """Return the answer to a job.

        Raises:
            TrialError: the process crashed, or was killed again and again.
        """
        for _ in range(1 + RETRIES):
            kills = oom_kills()
            process = self._started()
            answer = _exchange(process, msgspec.json.encode(job))
            if answer.endswith(b"\n"):
                return msgspec.json.decode(answer, type=Answer)
            code, self._process = process.wait(), None
            starved = killed_for_memory(code, kills)
            failure, line = from_exit(code, starved, ["what it printed stands above"])
            if failure != "infrastructure":
                break
        raise TrialError(failure, f"the process of trial {job.record.number} ended: {line}")

    def close(self) -> None:
        """End the process, and let none begin."""
        with self._lock:
            self._closed = True
            if self._process is not None:
                self._process.kill()

    def _started(self) -> subprocess.Popen[bytes]:
        with self._lock:
            if self._closed:
                raise TrialError("cancelled", "the trials are over")
            if self._process is None:
                self._process = subprocess.Popen(
                    [*COMMAND, msgspec.json.encode(self.setup).decode()],
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    env=os.environ | {"KIT_GPU_WAIT": str(LEASE_SECONDS)},
                )
            return self._process


def _exchange(process: subprocess.Popen[bytes], line: bytes) -> bytes:
    """Write a line and return the one that comes back, cut short where the process has ended."""
    assert process.stdin is not None
    assert process.stdout is not None
    with suppress(BrokenPipeError):
        process.stdin.write(line + b"\n")
        process.stdin.flush()
    return process.stdout.readline()


def _next(jobs: Jobs) -> tuple[TrialWork, Keep] | None:
    with suppress(Empty):
        return jobs.get_nowait()
    return None
