"""What earlier runs tell of planned ones: what is done, how long they take, how much they leave."""

from __future__ import annotations

from statistics import median
from typing import Literal

import msgspec

from kit import estimate, method, paths, task
from kit.data.prepared import OTHER_DATA, is_current
from kit.plan.records import PlannedRun
from kit.runs.collect import Collected
from kit.runs.folder import RunFolder
from kit.runs.records import Result
from kit.runs.states import read_state
from kit.spec import Profile, RunSpec, Tier

# What a run leaves where none of its kind has been run: weights, a checkpoint, a log.
RUN_BYTES: dict[Profile, int] = {"paper": 200 << 20, "lite": 20 << 20, "smoke": 2 << 20}
# Failures that a run had no part in: whoever starts a sweep again has mended them, or may hope so.
NOT_OF_THE_RUN = ("infrastructure", "disk", "data")


class EarlierRuns:
    """What earlier runs tell of planned ones: what is done, hours, bytes on disk, GPU memory."""

    def __init__(self, found: Collected, retry_failed: bool) -> None:
        self.retry_failed = retry_failed
        self.done = {result.spec.id: result for result in found.results}
        self.current: dict[tuple[str, str, Tier, Profile], bool] = {}
        self.root = paths.runs()
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
        alike = [result.seconds / 3600 for result in self.alike.get(_kind(spec), ())]
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
