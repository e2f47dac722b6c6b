"""One run of an array, supervised on the node that Slurm gave it.

``python -m kit.engines.slurm.node FOLDER`` is the end of every array's script. It is the queue of
the local engine with a single run, so claims, leases, failure classes and the notes in the run's
folder are the same. What became of it is left in ``FOLDER/INDEX.json``: many sites keep no accounts
of jobs.
"""

from __future__ import annotations

import os
import signal
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from types import FrameType

import msgspec

from kit.engines import leases, visible
from kit.engines.engine import SweepOptions, sweep
from kit.engines.jobs import Ended, Job, RetryPolicy
from kit.engines.queue import Queue
from kit.engines.signals import terminable
from kit.engines.slots import Cpu, Gpus, Slots
from kit.engines.slurm import client, close, note
from kit.engines.slurm.arrays import CONTENT, SCRIPT, Array
from kit.engines.slurm.one_run import OneRun
from kit.errors import BusyError, KitError
from kit.files import decode_json, write_json
from kit.runs.folder import RunFolder, now
from kit.runs.records import Failure
from kit.spec import RunSpec

# How long the GPUs that Slurm gave may be in use by something that is not Slurm's.
SECONDS_FOR_GPUS = 60.0
# How long a run that another process is at is waited for: the locks of a node that died linger.
SECONDS_FOR_OTHERS = 120.0
# Slurm waits 30 s between TERM and KILL, unless the site has set something else.
GRACE_SECONDS = 10.0
# How often a run that failed by no fault of its own is queued again.
TRIES = 2


class TaskOutcome(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What became of one task of an array.

    Attributes:
        tries: how often the run has failed by no fault of its own.
        seconds: that it has taken so far, in this job and those before.
        again: it was put back into the queue.
    """

    run: str
    task: str
    node: str
    tries: int
    seconds: float = 0.0
    began: str
    ended: str
    failure: Failure | None
    message: str | None
    again: bool


def main(folder: Path, variables: Mapping[str, str]) -> int:
    """Supervise the run of this task; returns the exit code of the job."""
    array = decode_json((folder / CONTENT).read_bytes(), Array)
    index, node = int(variables["SLURM_ARRAY_TASK_ID"]), variables["SLURMD_NODENAME"]
    task = f"{variables['SLURM_ARRAY_JOB_ID']}_{index}"
    spec, file = array.runs[index], folder / f"{index}.json"
    began, clock, before = now(), time.monotonic(), _progress(spec)
    tries, seconds = _earlier(file)
    warned = _Warned()
    engine = OneRun(folder / SCRIPT, task, SweepOptions(array.device), array.image)
    end = _supervise(array.job(index), array, engine, seconds)
    failure, message, again = end.failure, end.message, False
    if failure == "cancelled" and warned.value:
        again = _progress(spec) != before
        if not again:
            failure, message = "timeout", f"no epoch within the {array.hours} h of a job"
    elif failure == "infrastructure":
        tries += 1
        again = tries < TRIES
    outcome = TaskOutcome(
        run=str(spec.folder),
        task=task,
        node=node,
        tries=tries,
        seconds=seconds + time.monotonic() - clock,
        began=began,
        ended=now(),
        failure=failure,
        message=message,
        again=again,
    )
    write_json(file, outcome)
    print(f"{spec}: {failure or 'done'}" + (f": {message}" if message else ""), flush=True)
    if again:
        note(spec, task)
        unfit = failure == "infrastructure" and _is_another(node, folder / SCRIPT)
        client.requeue(variables["SLURM_JOB_ID"], without=node if unfit else None)
    elif failure is not None and not end.elsewhere:
        close(spec, failure, message)
    return 0 if failure is None else 1


class _Warned:
    """Whether Slurm has said that the time is nearly up, which ends the run like TERM."""

    def __init__(self) -> None:
        self.value = False
        signal.signal(signal.SIGUSR1, self._note)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.value = True
        signal.raise_signal(signal.SIGTERM)


def _supervise(job: Job, array: Array, engine: OneRun, seconds: float) -> Ended:
    """Do one run, which has taken so many seconds before, and return how it ended."""
    spec, folder = job.spec, RunFolder(job.spec)
    leases.make_folder()
    os.environ |= {
        "KIT_RUN": str(spec.folder),
        "KIT_NAME": f"kit-slurm-{sweep()}-{spec.id[:12]}",
        "KIT_LOCKS": str(leases.folder()),
    }
    timeout = None if array.timeout is None else max(1.0, 3600 * array.timeout - seconds)
    try:
        with terminable():
            if (rejection := engine.rejection()) is not None:
                return Ended(spec, "infrastructure", rejection)
            if not _is_mine(folder, engine):
                return Ended(spec, "cancelled", "another process is at it", elsewhere=True)
            queue = Queue(
                [job],
                engine,
                _slots(array),
                RetryPolicy(timeout=timeout, retries=0, grace=GRACE_SECONDS),
                watch=_Patience(),
                log=lambda line: print(line, flush=True),
            )
            (end,) = queue.run()
    except KeyboardInterrupt:
        return Ended(spec, "cancelled", "stopped by Slurm")
    except KitError as error:
        return Ended(spec, "infrastructure", str(error))
    return end


def _slots(array: Array) -> Slots:
    if not array.gpus:
        return Cpu(1)
    given = visible.allowed()
    if not given:
        raise KitError("Slurm gave no GPU: CUDA_VISIBLE_DEVICES is not set")
    return Gpus(given)


class _Patience:
    """Gives up where the GPUs that Slurm gave do not become free."""

    def __init__(self) -> None:
        self.began = time.monotonic()

    def __call__(self, queue: Queue) -> None:
        if not queue.waiting:
            self.began = time.monotonic()
        elif time.monotonic() - self.began > SECONDS_FOR_GPUS:
            why = "; ".join(f"{uuid} is {reason}" for uuid, reason in queue.slots.reasons.items())
            raise BusyError(f"no GPU for {SECONDS_FOR_GPUS:.0f} s: {why}")


def _is_mine(folder: RunFolder, engine: OneRun) -> bool:
    """Wait a while for another process that has this run; False if that goes on with it."""
    if not folder.is_claimed():  # else somebody takes care of it
        engine.clean()
    deadline = time.monotonic() + SECONDS_FOR_OTHERS
    while folder.is_claimed() or folder.is_running():
        if time.monotonic() > deadline:
            return False
        time.sleep(1.0)
    return True


def _is_another(node: str, script: Path) -> bool:
    """Tell whether another node could take an array's jobs: if not, they would wait for ever."""
    try:
        client.check(script.read_text(encoding="utf-8"), f"--exclude={node}")
    except KitError:
        return False
    return True


def _progress(spec: RunSpec) -> object:
    """Return something that changes with every epoch, trial and stage that a run goes on from.

    Its status does not do: that of a run which was stopped names no epoch.
    """
    path = RunFolder(spec).path
    sizes = {file: file.stat().st_size for file in path.rglob("*.jsonl")}
    kept = [file for form in ("*.checkpoint.pt", "stages/*") for file in path.rglob(form)]
    return sizes, {file: file.stat().st_mtime_ns for file in kept}


def _earlier(file: Path) -> tuple[int, float]:
    """Return the tries and seconds of earlier jobs of a task."""
    with suppress(OSError, msgspec.MsgspecError):
        outcome = decode_json(file.read_bytes(), TaskOutcome)
        return outcome.tries, outcome.seconds
    return 0, 0.0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1]), os.environ))
