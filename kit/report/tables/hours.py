"""Hours at work, from the stages of one's own runs; totals of the paper from its own parts."""

from __future__ import annotations

from kit.papers import Key
from kit.report.cells import Computed, Value, measure, rounded
from kit.report.tables import Filled, Request
from kit.runs.records import Result

TOTAL = "total-hours"
STAGES = {
    "search-hours": "search",
    "tuning-hours": "tune",
    "retraining-hours": "retrain",
    "training-hours": "train",
}


def fill(request: Request) -> Filled:
    """Fill the cells that have runs, and the totals that have printed parts."""
    measured = {}
    for key in request.keys:
        runs = request.runs.get((key.task, key.method))
        cell = measure(runs, key.metric, hours) if runs else None
        if cell is not None:
            measured[key] = cell
    return Filled(measured=measured, computed=_totals(request))


def hours(result: Result, metric: str) -> Value | None:
    """Return a run's hours in a stage or in all; None where it has no such stage."""
    seconds = {name: stage.active_seconds for name, stage in result.stages.items()}
    if metric == TOTAL:
        return sum(seconds.values()) / 3600, "hours"
    stage = STAGES[metric]
    return (seconds[stage] / 3600, "hours") if stage in seconds else None


def _totals(request: Request) -> dict[Key, Computed]:
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
