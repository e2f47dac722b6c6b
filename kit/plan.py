"""Plans: the runs behind a table, which of them are missing, why, and for how long."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import median
from typing import Literal

from kit import method, task
from kit.data.prepared import generated, repair
from kit.data.preparing import choose_tier, state
from kit.errors import KitError, unknown
from kit.papers import hours, runs_behind
from kit.runs.collect import Collected, collect
from kit.runs.folder import RunFolder
from kit.runs.records import Result
from kit.spec import Profile, Protocol, RunSpec, Tier

SEEDS = (0, 1, 2)
# The rows that 'reproduce' fills unless asked for more: the DASH family and its backbone.
DEFAULT_METHODS = ("wrn", "tcn", "baby-dash", "dash", "dash-tcn", "dash-convnext")


@dataclass(frozen=True)
class PlannedRun:
    """A run, what is to be done with it, and why; ``hours`` is None where nothing tells."""

    spec: RunSpec
    action: Literal["run", "keep"]
    reason: str
    hours: float | None


@dataclass(frozen=True)
class PlannedData:
    """Data that the runs need; ``command`` makes them where they are not ready."""

    task: str
    tier: Tier
    ready: bool
    command: str
    automatic: bool


@dataclass(frozen=True)
class Plan:
    """Everything behind a table.

    Attributes:
        runs: those to run first, longest first.
        data: one entry per task and tier.
        skipped: (task, method, reason) of cells that a method cannot fill.
    """

    runs: list[PlannedRun]
    data: list[PlannedData]
    skipped: list[tuple[str, str, str]]


@dataclass(frozen=True)
class Request:
    """Which part of a table is wanted; empty sequences mean the default."""

    paper: str
    table: int
    profile: Profile
    protocol: Protocol
    tier: Tier | None = None
    tasks: Sequence[str] = ()
    methods: Sequence[str] = ()
    seeds: Sequence[int] = ()
    all_methods: bool = False


def make(request: Request) -> Plan:
    """Return the plan of a table.

    Raises:
        KitError: an unknown name, or a task without the wanted tier.
    """
    found = collect()
    runs, data, skipped = [], [], []
    for name in _tasks(request):
        the_task = task.find(name)
        tier = choose_tier(the_task, request.profile, request.tier)
        needed = False
        for method_name in _methods(request):
            info = method.find(method_name)
            reason = info.applies(the_task)
            if reason is not None:
                skipped.append((name, method_name, reason))
                continue
            for seed in request.seeds or SEEDS:
                spec = info.spec(
                    the_task, seed, protocol=request.protocol, profile=request.profile, tier=tier
                )
                runs.append(_planned(spec, found))
                needed = needed or runs[-1].action == "run"
        if needed:
            ready = state(the_task, tier, request.profile).ready
            command = repair(the_task, tier, request.profile)
            data.append(PlannedData(name, tier, ready, command, generated(tier)))
    runs.sort(key=lambda run: (run.action != "run", -(run.hours or 0.0)))
    return Plan(runs, data, skipped)


def _planned(spec: RunSpec, found: Collected) -> PlannedRun:
    done = any(result.spec.id == spec.id for result in found.results)
    estimate = _hours(spec, found.results)
    if done:
        return PlannedRun(spec, "keep", "has a valid result", estimate)
    folder = RunFolder(spec)
    rejected = [each.reason for each in found.rejected if each.path == folder.result]
    status = folder.status()
    if rejected:
        reason = f"its result counts as absent: {rejected[0]}"
    elif status is None:
        reason = "never run"
    elif status.state == "failed":
        reason = f"failed before ({status.failure}): {status.message}"
    elif status.state == "cancelled":
        reason = f"interrupted in {status.stage}; resumes there"
    else:
        reason = f"left {status.state} in {status.stage}; resumes there"
    return PlannedRun(spec, "run", reason, estimate)


def _hours(spec: RunSpec, results: list[Result]) -> float | None:
    """Estimate from like runs of one's own, else, for full runs, from the papers' V100-hours."""
    alike = [
        sum(stage.active_seconds for stage in result.stages.values()) / 3600
        for result in results
        if (result.spec.task, result.spec.method) == (spec.task, spec.method)
        and result.spec.profile == spec.profile
    ]
    if alike:
        return median(alike)
    return hours(spec.task, spec.method) if spec.profile == "paper" else None


def _tasks(request: Request) -> list[str]:
    columns = list(dict.fromkeys(key.task for key in runs_behind(request.paper, request.table)))
    known = task.names()
    for name in request.tasks:
        if name not in known:
            raise unknown("task", name, known)
        if name not in columns:
            raise KitError(f"{name} is not in table {request.table} of {request.paper}")
    return [name for name in columns if name in (request.tasks or known)]


def _methods(request: Request) -> list[str]:
    rows = list(dict.fromkeys(key.method for key in runs_behind(request.paper, request.table)))
    known = method.names()
    for name in request.methods:
        if name not in known:
            raise unknown("method", name, known)
        if name not in rows:
            raise KitError(f"{name} is not in table {request.table} of {request.paper}")
    default = known if request.all_methods else DEFAULT_METHODS
    return [name for name in rows if name in known and name in (request.methods or default)]
