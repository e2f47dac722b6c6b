"""Hours at work, from the stages of one's own runs; totals of the paper from its own parts.

Where no run has ended, the hours of those under way are projected, and said to be.
"""

from __future__ import annotations

from collections.abc import Sequence

from kit import method
from kit.papers import Key
from kit.report.cells import Computed, Measured, rounded
from kit.report.choice import Value, measure, reductions, unfit
from kit.report.kinds import WantedKind, rank
from kit.report.tables import TableRequest, TableValues
from kit.runs import unfinished
from kit.runs.records import Result
from kit.runs.unfinished import Unfinished
from kit.spec import Kind

ORIGIN = "runs"
TOTAL = "total-hours"
STAGES = {
    "search-hours": "search",
    "tuning-hours": "tune",
    "retraining-hours": "retrain",
    "training-hours": "train",
}


def fill(request: TableRequest) -> TableValues:
    """Fill the cells that have runs, and the totals that have printed parts."""
    measured = {}
    open_runs = _unfinished(request.wanted)
    for key in request.keys:
        where = (key.task, key.method)
        runs = request.runs.get(where)
        cell = measure(runs, key.metric, hours) if runs else _project(open_runs.get(where), key)
        if cell is not None:
            measured[key] = cell
    return TableValues(measured=measured, computed=_totals(request))


def hours(result: Result, metric: str) -> Value | None:
    """Return a run's hours in a stage or in all; None where it has no such stage."""
    if metric == TOTAL:
        return result.seconds / 3600, "hours"
    stage = result.stages.get(STAGES[metric])
    return None if stage is None else (stage.active_seconds / 3600, "hours")


def _unfinished(wanted: WantedKind) -> dict[tuple[str, str], list[Unfinished]]:
    """Return the unfinished runs of each (task, method): of its fullest profile, one kind."""
    found: dict[tuple[str, str], dict[Kind, list[Unfinished]]] = {}
    for run in unfinished.find():
        spec = run.spec
        if wanted.includes(spec.kind) and unfit(spec) is None:
            kinds = found.setdefault((spec.task, spec.method), {})
            kinds.setdefault(spec.kind, []).append(run)
    return {key: kinds[min(kinds, key=rank)] for key, kinds in found.items()}


def _project(runs: Sequence[Unfinished] | None, key: Key) -> Measured | None:
    """Return a cell from runs without a result; of a seed that several stand for, the longest."""
    values: dict[int, float] = {}
    how = set()
    for run in runs or ():
        stages = method.find(key.method).stages
        wanted = stages if key.metric == TOTAL else (STAGES[key.metric],)
        if all(name in run.stages for name in wanted):
            costs = [run.stages[name] for name in wanted]
            value = sum(cost.seconds for cost in costs) / 3600
            values[run.spec.seed] = max(value, values.get(run.spec.seed, 0.0))
            how |= {
                f"{cost.epoch} of {cost.epochs} epochs of {name}, {each:.3g} s each"
                for name, cost in zip(wanted, costs, strict=True)
                if cost.epochs is not None and (each := cost.seconds / cost.epochs)
            }
    if not runs or not values:
        return None
    spec = runs[0].spec
    return Measured(
        task=key.task,
        method=key.method,
        metric=key.metric,
        unit="hours",
        profile=spec.profile,
        protocol=spec.protocol,
        tier=spec.tier,
        values=values,
        settings=reductions(spec),
        devices=tuple(sorted({gpu for run in runs for gpu in run.gpus})) or ("unknown device",),
        projected=f"projected from {', '.join(sorted(how))}" if how else "",
    )


def _totals(request: TableRequest) -> dict[Key, Computed]:
    parts: dict[Key, float] = {}
    for key, cell in request.printed.items():
        if key.metric in STAGES and cell.value is not None:
            total = key._replace(metric=TOTAL)
            parts[total] = parts.get(total, 0.0) + cell.value
    return {
        key: rounded(value, request.printed.get(key), "from the printed stages")
        for key, value in parts.items()
        if key in request.keys
    }
