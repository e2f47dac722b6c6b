"""Parameters and multiply-adds: counted from the models without training, and from runs."""

from __future__ import annotations

from itertools import product

from kit import method, task
from kit.papers import Key
from kit.report.cells import Computed, rounded
from kit.report.choice import Value, measure
from kit.report.tables import TableRequest, TableValues
from kit.report.tables.counts import counts
from kit.runs.records import Result

ORIGIN = "models, runs"
UNITS = {"parameters": (1e6, "M"), "giga-macs": (1e9, "GFLOPS")}


def count_all() -> None:
    """Count what any table may ask for at once, which takes seconds when the code has changed."""
    counts(product(task.names(), method.names()))


def fill(request: TableRequest) -> TableValues:
    """Count every model that is known without a search; searched ones come from their runs."""
    measured = {}
    for key in request.keys:
        runs = request.runs.get((key.task, key.method))
        cell = measure(runs, key.metric, of_run) if runs else None
        if cell is not None:
            measured[key] = cell
    return TableValues(measured=measured, computed=_counted(request))


def of_run(result: Result, metric: str) -> Value | None:
    """Return the size of a run's final model; None where the method does not tell."""
    scale, unit = UNITS[metric]
    found = {"parameters": result.parameters, "giga-macs": result.macs}[metric]
    return None if found is None else (found / scale, unit)


def _counted(request: TableRequest) -> dict[Key, Computed]:
    tasks, methods = set(task.names()), set(method.names())
    known = [key for key in request.keys if key.task in tasks and key.method in methods]
    sizes = counts((key.task, key.method) for key in known)
    computed = {}
    for key in known:
        found = sizes[key.task, key.method]
        if found is None or (found.searched and key in request.printed):
            continue
        scale, _ = UNITS[key.metric]
        number = {"parameters": found.parameters, "giga-macs": found.multiply_adds}[key.metric]
        if number is not None:
            how = "from the supernets" if found.searched else "from the models"
            computed[key] = rounded(number / scale, request.printed.get(key), how)
    return computed
