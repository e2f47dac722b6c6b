"""Slurm's own commands. Nothing is asked of its accounting, which many sites do not have."""

from __future__ import annotations

import re
import signal
import subprocess
import time
from collections.abc import Collection
from contextlib import suppress
from functools import lru_cache

from kit.errors import KitError, UnavailableError

SECONDS = 60.0
SECONDS_BETWEEN_QUESTIONS = 5.0
# How squeue names an array's task; as Slurm says it wherever a user may name one.
TASK = "%F_%K"


def call(program: str, *words: str, script: str | None = None, seconds: float = SECONDS) -> str:
    """Run a command of Slurm's and return what it prints.

    Raises:
        UnavailableError: there is no Slurm, or its controller does not answer.
        KitError: it refuses, for the reason that the line gives.
    """
    try:
        done = subprocess.run(
            [program, *words],
            input=script,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=seconds,
            check=False,
        )
    except FileNotFoundError:
        raise UnavailableError(
            f"no Slurm here: there is no command {program!r}; use a login node of the cluster"
        ) from None
    except subprocess.TimeoutExpired:
        raise UnavailableError(f"{program} has not answered for {seconds:.0f} s") from None
    if done.returncode == 0:
        return done.stdout
    lines = [line for line in done.stderr.splitlines() if line.strip()] or ["no message"]
    told = "; ".join(line.removeprefix(f"{program}: error: ") for line in lines)
    if "ontact slurm controller" in told or "onnection refused" in told:
        raise UnavailableError(f"Slurm's controller does not answer: {told}")
    raise KitError(f"{program}: {told}")


def submit(script: str, *words: str) -> str:
    """Submit a script and return the job's number."""
    return call("sbatch", "--parsable", *words, script=script).strip().partition(";")[0]


def queued() -> dict[str, str]:
    """Return the state (``PD``, ``R``, ``CG``, ...) of this user's tasks of arrays, by reference.

    A reference is ``JOB_INDEX``.
    """
    listing = call("squeue", "--me", "--noheader", "--array", "--format", f"{TASK} %t")
    rows = (line.split() for line in listing.splitlines())
    return {row[0]: row[1] for row in rows}


def queued_lately() -> dict[str, str]:
    """Return what ``queued`` does, a few seconds old at most, for callers that ask often."""
    return _queued(int(time.monotonic() // SECONDS_BETWEEN_QUESTIONS))


@lru_cache(maxsize=1)
def _queued(moment: int) -> dict[str, str]:
    del moment
    return queued()


def cancel(references: Collection[str]) -> None:
    """Cancel jobs or tasks of arrays; those that are over are passed over."""
    if references:
        call("scancel", "--quiet", *references)


def check(script: str, *words: str) -> None:
    """Submit nothing, but see whether a node could ever hold a script's job.

    Raises:
        UnavailableError: there is no Slurm.
        KitError: none can.
    """
    call("sbatch", "--test-only", *words, script=script)


def requeue(job: str, *, without: str | None = None) -> None:
    """Put the job that this process belongs to back into the queue, not to come back to a node."""
    # Slurm ends a job that it queues again, and this process is in it. But it does not begin the
    # next try before this one is over, so that there is time to name the node.
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    call("scontrol", "requeue", job)
    if without is not None:
        with suppress(KitError):  # some sites do not let users choose nodes
            call("scontrol", "update", f"JobId={job}", f"ExcNodeList={without}")


def nodes() -> list[tuple[str, str, int]]:
    """Return each node's name, its state, and how many GPUs Slurm has there."""
    listing = call("sinfo", "--noheader", "--Node", "--format", "%N|%T|%G")
    found: dict[str, tuple[str, str, int]] = {}
    for line in listing.splitlines():
        name, state, resources = (word.strip() for word in line.split("|"))
        found[name] = name, state, _gpus(resources)
    return list(found.values())


def longest(partition: str | None) -> float | None:
    """Return after how many hours a partition, or the default one, ends a job; None for never."""
    for line in call("sinfo", "--noheader", "--format", "%P|%l").splitlines():
        name, limit = line.split("|")
        if name.rstrip("*") == partition or (partition is None and name.endswith("*")):
            return _hours(limit)
    return None


def _hours(limit: str) -> float | None:
    """Return the hours of ``2-12:00:00``, ``12:00:00``, ``30:00``, or None for ``infinite``."""
    found = re.fullmatch(r"(?:(\d+)-)?(?:(\d+):)?(\d+):(\d+)", limit.strip())
    if found is None:
        return None
    days, hours, minutes, seconds = (int(part or 0) for part in found.groups())
    return 24 * days + hours + minutes / 60 + seconds / 3600


def _gpus(resources: str) -> int:
    """Return the number of GPUs in ``gpu:a100:4(S:0-1),shard:8``."""
    return sum(map(int, re.findall(r"(?:^|,)gpu(?::[^:,()]+)?:(\d+)", resources)))
