"""A process that trains trials for the one that executes their run; see ``trial_workers``.

It reads a job a line from standard input and answers each with a line. What a method prints goes to
standard error.
"""

from __future__ import annotations

import os
import signal
import sys
from queue import SimpleQueue
from threading import Thread
from typing import IO

import msgspec

from kit import lazy, method
from kit.engines import leases
from kit.errors import BusyError, DataError, KitError
from kit.runs.failures import TrialError, classify, line_of
from kit.runs.records import Failure
from kit.runs.trial_records import TrialRecord, TrialWork
from kit.spec import RunSpec


class Setup(msgspec.Struct, frozen=True):
    """Whose trials they are; device and threads as in ``kit.engines.execute.ExecuteOptions``."""

    spec: RunSpec
    device: str | None
    threads: int | None


class Done(msgspec.Struct, frozen=True, tag=True):
    """A trial has been trained."""

    record: TrialRecord


class Failed(msgspec.Struct, frozen=True, tag=True):
    """A trial has failed.

    Attributes:
        mistake: whether it is a mistake of the user's; ``message`` then says how to mend it.
    """

    failure: Failure
    message: str
    mistake: bool

    def error(self) -> Exception:
        """Return the exception to raise in the process that executes the run."""
        return KitError(self.message) if self.mistake else TrialError(self.failure, self.message)


class Unready(msgspec.Struct, frozen=True, tag=True):
    """The process got no GPU, and is gone."""

    reason: str


Answer = Done | Failed | Unready


def answer(setup: Setup, job: TrialWork) -> Done | Failed:
    """Train a trial."""
    # With torch, which must see nothing but the GPUs that were leased.
    with lazy.torch_at_once():
        from kit.engines.opening import run_trial

    try:
        return Done(run_trial(setup.spec, setup.device, setup.threads, job))
    except Exception as error:  # whatever a method raises; its run tells of it
        mistake = isinstance(error, KitError) and not isinstance(error, DataError)
        return Failed(classify(error), line_of(error), mistake)


def main() -> None:
    """Answer until the input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the run's own process decides
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    setup = msgspec.json.decode(sys.argv[1], type=Setup)
    jobs: SimpleQueue[TrialWork] = SimpleQueue()
    Thread(target=_read, args=(sys.stdin.buffer, jobs), daemon=True).start()
    try:
        with leases.for_this_process(method.find(setup.spec.method).gpus, setup.device):
            while True:
                _write(answers, answer(setup, jobs.get()))
    except BusyError as error:
        _write(answers, Unready(str(error)))


def _read(orders: IO[bytes], jobs: SimpleQueue[TrialWork]) -> None:
    """Pass the jobs on; at the end of the input there is nobody left to work for."""
    for line in orders:
        jobs.put(msgspec.json.decode(line, type=TrialWork))
    os._exit(0)


def _write(answers: IO[bytes], line: Answer) -> None:
    answers.write(msgspec.json.encode(line) + b"\n")
    answers.flush()


if __name__ == "__main__":
    main()
