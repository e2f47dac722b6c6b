"""Plans: the runs behind a table, which of them are missing, why, and for how long."""

from __future__ import annotations

import shutil
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from math import prod
from pathlib import Path
from statistics import median
from typing import Literal

import msgspec

from kit import estimate, method, papers, paths, task
from kit.data import raw
from kit.data.prepared import OTHER_DATA, generated, is_current, repair
from kit.data.preparing import choose_tier, state
from kit.errors import KitError, unknown
from kit.method import MethodInfo
from kit.papers import runs_behind
from kit.runs.collect import Collected, collect
from kit.runs.folder import RunFolder
from kit.runs.inputs import closure
from kit.runs.records import Result
from kit.runs.states import read_state
from kit.spec import SEEDS, Profile, Protocol, RunSpec, Tier
from kit.task import Task

GB = 1e9
# What a run leaves where none of its kind has been run: weights, a checkpoint, a log.
RUN_BYTES: dict[Profile, int] = {"paper": 200 << 20, "lite": 20 << 20, "smoke": 2 << 20}
# Failures that a run had no part in: whoever starts a sweep again has mended them, or may hope so.
NOT_OF_THE_RUN = ("infrastructure", "disk", "data")
# The rows that 'reproduce' fills unless asked for more: the DASH family and its backbones.
DEFAULT_METHODS = ("wrn", "tcn", "convnext", "baby-dash", "dash", "dash-tcn", "dash-convnext")


@dataclass(frozen=True)
class PlannedRun:
    """A run, what is to be done with it, and why.

    Attributes:
        action: ``run``; ``keep``, since it has a valid result; or ``failed``, which is left alone
            until ``--retry-failed``. Failures that the run had no part in are ``run`` again.
        hours: None where nothing tells.
        gpus: how many it needs.
        bytes: that it leaves on disk, roughly.
        memory: bytes of a GPU that runs of other seeds took at most; None where nothing tells.
    """

    spec: RunSpec
    action: Literal["run", "keep", "failed"]
    reason: str
    hours: float | None
    gpus: int
    bytes: int
    memory: int | None = None


@dataclass(frozen=True)
class PlannedData:
    """Data that the runs need; ``command`` makes them where they are not ready.

    Attributes:
        automatic: whether a sweep may make them: no network is needed, and nothing is replaced but
            what a generator made.
        bytes: that they will take.
        problem: what to tell where they are not ready and not made, with the mend.
    """

    task: str
    tier: Tier
    ready: bool
    command: str
    automatic: bool
    bytes: int = 0
    problem: str = ""


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

    @property
    def todo(self) -> list[PlannedRun]:
        """The runs to be run."""
        return [run for run in self.runs if run.action == "run"]

    @property
    def bytes(self) -> int:
        """Disk that running it takes, roughly: data that are not ready, and what runs leave."""
        return sum(each.bytes for each in self.data) + sum(run.bytes for run in self.todo)


@dataclass(frozen=True)
class PlanRequest:
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
    retry_failed: bool = False


def make(request: PlanRequest) -> Plan:
    """Return the plan of a table.

    Raises:
        KitError: an unknown name, or a task without the wanted tier.
    """
    known = _Known(collect(), request.retry_failed)
    runs: dict[str, PlannedRun] = {}
    skipped = []
    for name in _tasks(request):
        the_task = task.find(name)
        tier = choose_tier(the_task, request.profile, request.tier)
        for info in map(method.find, _methods(request)):
            reason = info.applies(the_task)
            if reason is not None:
                skipped.append((name, info.name, reason))
                continue
            for spec in _specs(info, the_task, request, tier):
                # What it reads must be run first, and may be in the table, too.
                for each in closure(spec):
                    run_id = each.id
                    if run_id not in runs:
                        runs[run_id] = known.plan(each, run_id)
    return Plan(_ordered(runs.values()), _data(runs.values()), skipped)


def of_specs(specs: Iterable[RunSpec], retry_failed: bool = False) -> Plan:
    """Return the plan of some runs, and of those that they read."""
    known = _Known(collect(), retry_failed)
    wanted = {each.id: each for spec in specs for each in closure(spec)}
    runs = [known.plan(spec, run_id) for run_id, spec in wanted.items()]
    return Plan(_ordered(runs), _data(runs), [])


def _ordered(runs: Iterable[PlannedRun]) -> list[PlannedRun]:
    order = {"run": 0, "failed": 1, "keep": 2}
    return sorted(longest_first(runs), key=lambda run: order[run.action])


def longest_first(runs: Iterable[PlannedRun]) -> list[PlannedRun]:
    """Return runs in an order in which the last ones to begin are short.

    Those of which no earlier run tells come last, among them first what took a paper longest.
    """
    found = list(runs)
    unknown = {(run.spec.task, run.spec.method): run.spec for run in found if run.hours is None}
    papers_hours = {
        kind: 0.0 if method.find(spec.method).light else estimate.v100_hours(spec) or 0.0
        for kind, spec in unknown.items()
    }

    def key(run: PlannedRun) -> tuple[float, float]:
        return -(run.hours or 0.0), -papers_hours.get((run.spec.task, run.spec.method), 0.0)

    return sorted(found, key=key)


def check_disk(plan: Plan) -> None:
    """Refuse a plan for which there is not enough room.

    Raises:
        KitError: naming the folder, what is needed and what is free.
    """
    needs = {
        paths.data(): sum(each.bytes for each in plan.data),
        paths.results(): sum(run.bytes for run in plan.todo),
    }
    by_disk: dict[int, list[Path]] = {}
    for folder in needs:
        by_disk.setdefault(_existing(folder).stat().st_dev, []).append(folder)
    for folders in by_disk.values():
        needed = sum(needs[folder] for folder in folders)
        free = shutil.disk_usage(_existing(folders[0])).free
        if needed > free:
            where = " and ".join(map(str, folders))
            raise KitError(
                f"the plan needs about {needed / GB:.2f} GB in {where}, and {free / GB:.2f} GB are "
                "free; make room, plan fewer tasks, or move them by KIT_DATA or KIT_RESULTS"
            )


def _existing(folder: Path) -> Path:
    return next(each for each in (folder, *folder.parents) if each.exists())


def _specs(info: MethodInfo, the_task: Task, request: PlanRequest, tier: Tier) -> Iterator[RunSpec]:
    """Yield a spec per seed; settings, the costly part, are the same for all of them."""
    seeds = request.seeds or SEEDS
    first = info.spec(
        the_task, seeds[0], protocol=request.protocol, profile=request.profile, tier=tier
    )
    for seed in dict.fromkeys(seeds):
        spec = msgspec.structs.replace(first, seed=seed, inputs={})
        inputs = {name: run.id for name, run in info.inputs(spec).items()}
        yield msgspec.structs.replace(spec, inputs=inputs)


def _data(runs: Iterable[PlannedRun]) -> list[PlannedData]:
    """Return what is to be done for the data of the runs to be run."""
    specs = (run.spec for run in runs if run.action == "run")
    places = dict.fromkeys((spec.task, spec.tier, spec.profile) for spec in specs)
    return [data_of(task.find(name), tier, profile) for name, tier, profile in places]


def data_of(the_task: Task, tier: Tier, profile: Profile) -> PlannedData:
    """Return what is to be done for the data of a task."""
    now, command = state(the_task, tier, profile), repair(the_task, tier, profile)
    return PlannedData(
        the_task.name,
        tier,
        now.ready,
        command,
        # What somebody edited, or made by an older kit, they replace themselves.
        automatic=generated(tier) or not (now.outdated or raw.missing(the_task, tier)),
        bytes=0 if now.ready else _data_bytes(the_task, tier, profile),
        problem=now.detail
        if now.outdated
        else f"{the_task.name}: no {tier} data prepared; run '{command}'",
    )


def _data_bytes(the_task: Task, tier: Tier, profile: Profile) -> int:
    """Return what data that are not ready will take, as far as the task's facts tell."""
    if generated(tier):
        samples = sum(the_task.made(profile).values())
        return 2 * 4 * samples * prod(the_task.sample_shape)
    files = [
        source.size or source.roughly or 0 for source in the_task.sources if source.tier == tier
    ]
    to_fetch = [source.size or source.roughly or 0 for source in raw.missing(the_task, tier)]
    return sum(to_fetch) + sum(files)


class _Known:
    """What earlier runs tell of planned ones: what is done, hours, bytes on disk, GPU memory."""

    def __init__(self, found: Collected, retry_failed: bool) -> None:
        self.retry_failed = retry_failed
        self.done = {result.spec.id: result for result in found.results}
        self.current: dict[tuple[str, str, Tier, Profile], bool] = {}
        self.root = paths.results() / "runs"
        self.rejected = {
            str(each.path.parent.relative_to(self.root)): each.reason for each in found.rejected
        }
        self.alike: dict[tuple[str, str, Profile], list[Result]] = {}
        for result in found.results:
            self.alike.setdefault(_kind(result.spec), []).append(result)
        self.estimates: dict[tuple[str, str, Profile], tuple[float | None, int, int]] = {}
        self.memory: dict[str, int] = {}
        for result in found.results:
            taken = max((cost.gpu_memory or 0 for cost in result.stages.values()), default=0)
            if taken:
                run = _but_for_seed(result.spec)
                self.memory[run] = max(taken, self.memory.get(run, 0))

    def plan(self, spec: RunSpec, run_id: str) -> PlannedRun:
        """Say what is to be done with a run, and why."""
        kind = _kind(spec)
        if kind not in self.estimates:
            self.estimates[kind] = (
                self._hours(spec),
                method.find(spec.method).gpus,
                self._bytes(kind),
            )
        hours, gpus, size = self.estimates[kind]
        action, reason = self._why(spec, run_id)
        # Nothing is hashed where no run has told of memory.
        memory = self.memory.get(_but_for_seed(spec)) if self.memory else None
        return PlannedRun(spec, action, reason, hours, gpus, size, memory)

    def _why(self, spec: RunSpec, run_id: str) -> tuple[Literal["run", "keep", "failed"], str]:
        if run_id in self.done:
            if self._is_current(self.done[run_id]):
                return "keep", "has a valid result"
            return "run", OTHER_DATA
        folder = spec.folder
        if rejected := self.rejected.get(str(folder)):
            return "run", f"its result counts as absent: {rejected}"
        now = read_state(folder, self.root)
        stage = f" in {now.status.stage}" if now.status and now.status.stage else ""
        match now.state:
            case "queued":
                return "run", "never run"
            case "running" | "starting":
                return "run", f"is being run{stage}; waits for it"
            case "failed":
                reason = f"failed before ({now.failure}): {now.message}"
                if self.retry_failed:
                    return "run", f"{reason}; again, as asked"
                if now.failure in NOT_OF_THE_RUN:
                    return "run", f"{reason}; again, since the run was not to blame"
                return "failed", reason
            case "cancelled":
                return "run", f"interrupted{stage}; resumes there"
        return "run", f"left unfinished{stage}; resumes there"

    def _is_current(self, result: Result) -> bool:
        """Tell whether the result's data are those that are prepared now."""
        data, spec = result.provenance.data, result.spec
        key = data, spec.task, spec.tier, spec.profile
        if key not in self.current:
            self.current[key] = is_current(data, task.find(spec.task), spec.tier, spec.profile)
        return self.current[key]

    def _hours(self, spec: RunSpec) -> float | None:
        """Estimate from like runs of one's own, else, for full runs, by the papers' V100-hours."""
        alike = [
            sum(stage.active_seconds for stage in result.stages.values()) / 3600
            for result in self.alike.get(_kind(spec), ())
        ]
        if alike:
            return median(alike)
        return estimate.v100_hours(spec) if spec.profile == "paper" else None

    def _bytes(self, kind: tuple[str, str, Profile]) -> int:
        """Estimate from a like run of one's own, else by the profile."""
        for result in self.alike.get(kind, ()):
            folder = RunFolder(result.spec).path
            return sum(file.stat().st_size for file in folder.rglob("*") if file.is_file())
        return RUN_BYTES[kind[2]]


def _kind(spec: RunSpec) -> tuple[str, str, Profile]:
    return spec.task, spec.method, spec.profile


def _but_for_seed(spec: RunSpec) -> str:
    """Return a key that runs share which differ in their seeds alone, and so need equal memory."""
    return msgspec.structs.replace(spec, seed=0, inputs={}).id


def _tasks(request: PlanRequest) -> list[str]:
    columns = list(dict.fromkeys(key.task for key in runs_behind(request.paper, request.table)))
    known = task.names()
    for name in request.tasks:
        if name not in known:
            raise unknown("task", name, known)
        if name not in columns:
            raise KitError(f"{name} is not in table {request.table} of {request.paper}")
    return [name for name in columns if name in (request.tasks or known)]


def _methods(request: PlanRequest) -> list[str]:
    rows = list(dict.fromkeys(key.method for key in runs_behind(request.paper, request.table)))
    known = method.names()
    for name in request.methods:
        if name not in known:
            raise unknown("method", name, known)
        if name not in rows:
            if not papers.layout(request.paper, request.table).others:
                raise KitError(f"{name} is not in table {request.table} of {request.paper}")
            rows.append(name)
    rows = [name for name in rows if name in known]
    if request.methods:
        return [name for name in rows if name in request.methods]
    ours = [] if request.all_methods else [name for name in rows if name in DEFAULT_METHODS]
    return ours or rows
