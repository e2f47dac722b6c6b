"""Parameters and multiply-adds: counted from the models without training, and from runs."""

from __future__ import annotations

from itertools import product

from kit import method, task
from kit.papers import Key, OperationsUnit
from kit.report.cells import Computed, rounded, spread
from kit.report.choice import Value, measure
from kit.report.tables import TableRequest, TableValues
from kit.report.tables.counts import counts
from kit.runs.records import Result

ORIGIN = "models, runs"
UNITS = {"parameters": (1e6, "M"), "giga-macs": (1e9, "GFLOPS")}


def count_all() -> None:
    """Count the models that any table may need; it takes seconds when the code has changed."""
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
    sizes = counts(((key.task, key.method) for key in known), request.progress)
    computed = {}
    for key in known:
        found, printed = sizes[key.task, key.method], request.printed.get(key)
        if found is None:
            continue
        # Beside what is printed in a unit of its own, that unit; else the kit's.
        unit = (
            "multiply-adds"
            if printed is None
            else request.layout.units.get(key.method, "multiply-adds")
        )
        if found.released:
            values = [_number(each, key.metric, unit) for each in found.released]
            computed[key] = spread(values, printed, "from the released architectures")
        elif not (found.searched and printed is not None):
            value = _number(found[:3], key.metric, unit)
            how = "from the supernets" if found.searched else "from the models"
            computed[key] = rounded(value, printed, how)
    return computed


def _number(counted: tuple[int, int, int], metric: str, unit: OperationsUnit) -> float:
    """Return a cell's number from parameters, multiply-adds and elementwise operations."""
    parameters, multiply_adds, elementwise = counted
    if metric == "parameters":
        return parameters / UNITS[metric][0]
    operations = {
        "multiply-adds": multiply_adds,
        "twice": 2 * multiply_adds,
        "twice-with-elementwise": 2 * (multiply_adds + elementwise),
    }
    return operations[unit] / UNITS[metric][0]
