"""What a queue has: jobs, runs under way, runs that are over and why."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import cached_property
from tempfile import TemporaryFile
from typing import TYPE_CHECKING, TypeGuard

from kit import task
from kit.data.prepared import is_current
from kit.engines.devices import GIB
from kit.engines.engine import Exit, Handle
from kit.runs import logs
from kit.runs.failures import classify, from_exit
from kit.runs.folder import RESERVE_BYTES, RunFolder, read_result
from kit.runs.names import SPEC
from kit.runs.records import Attempt, Failure, Result, Status
from kit.spec import RunSpec

if TYPE_CHECKING:
    from kit.plan.records import PlannedRun


@dataclass(frozen=True)
class Job:
    """A run to be done.

    Attributes:
        hours: how long it is expected to take.
        gpus: how many it needs, where runs go onto GPUs.
        memory: bytes that it needs of each GPU; None where no earlier run has measured it.
    """

    spec: RunSpec
    hours: float | None = None
    gpus: int = 1
    memory: int | None = None

    @classmethod
    def planned(cls, run: PlannedRun) -> Job:
        """Return the job of a planned run."""
        return cls(run.spec, run.hours, run.gpus, run.memory)

    def fits(self, memory: float) -> bool:
        """Tell whether a GPU with that many bytes suffices; yes where the need is not known."""
        return self.memory is None or self.memory <= memory

    def too_large(self, sizes: Iterable[float]) -> str:
        """Return the words that say that it fits on no GPU of these sizes in bytes."""
        needed = f"{(self.memory or 0) / GIB:.3g} GiB of GPU memory"
        each = f" on each of {self.gpus} GPUs" if self.gpus > 1 else ""
        there = " or ".join(f"{size / GIB:.3g}" for size in sorted(set(sizes)))
        return f"needs {needed}{each} (measured); GPUs here have {there} GiB for it"

    @cached_property
    def id(self) -> str:
        """The run's id."""
        return self.spec.id

    @property
    def kind(self) -> tuple[str, str]:
        """Task and method: runs of one kind take about as long as each other."""
        return self.spec.task, self.spec.method


@dataclass(frozen=True)
class RetryPolicy:
    """How a queue treats its runs; all times in seconds.

    Attributes:
        timeout: after which a run is stopped; None for never.
        retries: of a run that failed by no fault of its own (class infrastructure).
        pause: before a retry.
        grace: between TERM and KILL.
    """

    timeout: float | None = None
    retries: int = 1
    pause: float = 10.0
    grace: float = 10.0


@dataclass(eq=False)
class Running:
    """A run under way.

    Attributes:
        began: by the queue's clock.
        claim: is held until the run has ended.
        adopted: a queue that was killed had started it.
        status_before: what ``status.json`` was before it started.
        timed_out: when it was last told to stop, its time being up.
    """

    job: Job
    handle: Handle
    attempt: Attempt
    began: float
    claim: ExitStack = field(default_factory=ExitStack)
    adopted: bool = False
    status_before: Status | None = None
    timed_out: float | None = None


@dataclass(frozen=True)
class Ended:
    """A run that is over; without a failure it has a valid result.

    Attributes:
        seconds: that its last attempt took.
        elsewhere: another queue did it, or a ``kit run``.
    """

    spec: RunSpec
    failure: Failure | None = None
    message: str | None = None
    seconds: float = 0.0
    elsewhere: bool = False


def unfinished(attempt: Attempt | None) -> TypeGuard[Attempt]:
    """Tell whether a queue has started a run and not noted its end; it may have been killed."""
    return attempt is not None and attempt.ended is None


def has_result(folder: RunFolder) -> bool:
    """Tell whether a run is done: it has a valid result, made from the data that are prepared."""
    try:
        return is_of_current_data(read_result(folder.result))
    except (OSError, ValueError):
        return False


def is_of_current_data(result: Result) -> bool:
    """Tell whether a result was made from the data that are prepared now, or none are."""
    spec = result.spec
    return is_current(result.provenance.data, task.find(spec.task), spec.tier, spec.profile)


def why(run: Running, end: Exit, seconds: float) -> tuple[Failure, str]:
    """Return the class of the failure of a run that ended without a result, and a line about it.

    The run's own status counts first, then its exit code and its log.
    """
    if run.timed_out is not None:
        return "timeout", f"stopped after {seconds / 3600:.3g} h"
    if end.infrastructure is not None:
        return "infrastructure", end.infrastructure
    folder = RunFolder(run.job.spec)
    if not (folder.path / SPEC).exists():
        return "cancelled", f"{folder.path} was moved or removed while it was at work"
    status = folder.status()
    if status is not None and (run.adopted or status != run.status_before) and not end.oom_killed:
        if status.state == "failed":
            return status.failure or "method", status.message or "it did not say why"
        if status.state == "cancelled":
            return "cancelled", status.message or "stopped"
    failure, line = from_exit(end.code, end.oom_killed, logs.tail(folder.log))
    # On a full disk a run can write neither its status nor why.
    full = _full(folder) if failure == "method" else None
    return ("disk", f"{line}; {full}") if full else (failure, line)


def _full(folder: RunFolder) -> str | None:
    """Return what the disk of a run's folder says if it takes nothing more, or None."""
    try:
        with TemporaryFile(dir=folder.path) as stream:
            stream.write(bytes(RESERVE_BYTES))
    except OSError as error:
        if classify(error) == "disk":
            return f"{folder.path}: {error.strerror}"
    return None
