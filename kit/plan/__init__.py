"""Plans: the runs behind a table, which of them are missing, why, and for how long."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import msgspec

from kit import estimate, method, task
from kit.data.preparing import choose_tier
from kit.method import MethodInfo
from kit.plan.data import data_behind
from kit.plan.earlier import EarlierRuns
from kit.plan.records import Plan, PlannedRun
from kit.plan.request import PlanRequest, methods_of, tasks_of
from kit.runs.collect import collect
from kit.runs.inputs import closure
from kit.spec import SEEDS, RunSpec, Tier
from kit.task import Task


def make(request: PlanRequest) -> Plan:
    """Return the plan of a table.

    Raises:
        KitError: an unknown name, or a task without the wanted tier.
    """
    earlier = EarlierRuns(collect(), request.retry_failed)
    runs: dict[str, PlannedRun] = {}
    skipped = []
    for name in tasks_of(request):
        the_task = task.find(name)
        tier = choose_tier(the_task, request.profile, request.tier)
        for info in map(method.find, methods_of(request)):
            reason = info.applies(the_task)
            if reason is not None:
                skipped.append((name, info.name, reason))
                continue
            for spec in _specs(info, the_task, request, tier):
                # What it reads must be run first, and may be in the table, too.
                for each in closure(spec):
                    run_id = each.id
                    if run_id not in runs:
                        runs[run_id] = earlier.plan(each, run_id)
    return Plan(_ordered(runs.values()), data_behind(runs.values()), skipped)


def of_specs(specs: Iterable[RunSpec], retry_failed: bool = False) -> Plan:
    """Return the plan of some runs, and of those that they read."""
    earlier = EarlierRuns(collect(), retry_failed)
    wanted = {each.id: each for spec in specs for each in closure(spec)}
    runs = [earlier.plan(spec, run_id) for run_id, spec in wanted.items()]
    return Plan(_ordered(runs), data_behind(runs), [])


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
