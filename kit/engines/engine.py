"""What an engine is: it starts one run on given GPUs, tells how it ended, and stops it.

Everything else is the queue's (``kit.engines.queue``): order, devices, retries, failure classes.
Whatever the engine, a run is the command ``kit run --spec FILE`` (see ``handover``) with
``environment``; it leases its GPUs itself, writes its own status and result, and appends what it
prints to ``RunFolder.log``.

The module of an engine, ``kit.engines.<name>``, has ``unusable(specs, options) -> str | None`` (the
reason why it cannot run these here) and ``connect(options) -> Engine``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

from kit import paths
from kit.engines import leases
from kit.errors import BusyError
from kit.spec import Profile, RunSpec, Tier
from kit.task import Task

# Exit code of a run whose GPU or folder another process was quicker to take.
BUSY = BusyError.exit_code
# How long a started run tries for the GPUs it was given. The queue saw them free.
LEASE_SECONDS = 1.0


@dataclass(frozen=True)
class SweepOptions:
    """What all runs of a sweep share.

    Attributes:
        device: passed on to ``kit run``; None for a GPU where there is one.
        jobs_per_gpu: how many runs may share a GPU.
        allow_unpinned: run images that differ from the lock; their results say so.
        ray_address: of a Ray cluster, for its engine; None for the one of this machine.
        cores: how many runs may use this machine's CPU at a time, whoever starts them: each run
            without a GPU leases one of that many places. None for no leases.
        trials_on: where runs train their trials, as ``kit run --trials-on``; None for the run's own
            process.
    """

    device: str | None = None
    jobs_per_gpu: int = 1
    allow_unpinned: bool = False
    ray_address: str | None = None
    cores: int | None = None
    trials_on: str | None = None


@dataclass(frozen=True)
class Exit:
    """How a run ended, as its engine saw it.

    Attributes:
        code: of the process; negative for a signal, as in ``subprocess``; None where nobody can
            know, as for a process that another supervisor started.
        oom_killed: whether the kernel killed it because memory ran out.
        infrastructure: what went wrong outside of the run, in one line.
    """

    code: int | None
    oom_killed: bool = False
    infrastructure: str | None = None


@dataclass(frozen=True)
class Handle:
    """A started run; ``reference`` (a process, a container) outlives the supervisor."""

    spec: RunSpec
    reference: str


class Engine(Protocol):
    """Starts runs. The queue calls from one thread, but stops several runs at a time."""

    @property
    def name(self) -> str:
        """The name in ``--engine`` and in ``engine.json``."""

    def start(self, spec: RunSpec, gpus: tuple[str, ...]) -> Handle:
        """Start a run that sees these GPUs (UUIDs, none for the CPU); its folder exists.

        Raises:
            EngineError: the engine, not the run, is at fault.
            OSError: the machine is, as with a full disk.
        """

    def find(self, spec: RunSpec, reference: str | None) -> Handle | None:
        """Return a run that a supervisor left running when it was killed, if it still runs.

        Called before every start. ``reference`` is None where the supervisor died before it could
        note it; a container is found by its labels all the same, and removed if it has ended.
        """

    def poll(self, handle: Handle) -> Exit | None:
        """Return how a run ended, with nothing of it left, or None while it runs. Never waits."""

    def stop(self, handle: Handle, grace: float) -> None:
        """Send TERM, after ``grace`` seconds KILL, and return when the run has ended.

        ``poll`` still returns its exit afterwards. With a grace of 0: KILL at once.
        """

    def close(self) -> None:
        """Let go of the engine; runs under way go on."""


@runtime_checkable
class Prepares(Protocol):
    """An engine that prepares data, too, with fewer rights than this process has."""

    def prepare(self, the_task: Task, tier: Tier, profile: Profile) -> None:
        """Do what ``kit.data.preparing.prepare`` does, with no network and raw data read-only.

        Raises:
            BusyError: another process is preparing these data.
            DataError: they could not be prepared.
            UnavailableError: the engine is at fault.
        """


class EngineError(Exception):
    """The engine failed, not the run (failure class ``infrastructure``)."""


def environment(gpus: Sequence[str], options: SweepOptions) -> dict[str, str]:
    """Return the variables by which a run knows what to lease."""
    variables = {"PYTHONUNBUFFERED": "1"}
    if gpus:
        variables |= {"KIT_GPU": ",".join(gpus), "KIT_JOBS_PER_GPU": str(options.jobs_per_gpu)}
    elif options.cores is not None:
        variables |= {leases.CORES: str(options.cores)}
    else:
        return variables
    return variables | {"KIT_GPU_WAIT": str(LEASE_SECONDS)}


def sweep() -> str:
    """Return the id of sweeps on this results folder, the same in every process: 12 hex digits."""
    return hashlib.sha256(str(paths.results().resolve()).encode()).hexdigest()[:12]
