"""Scores: errors on the test set, in the form of the released code where the protocol asks so."""

from __future__ import annotations

from dataclasses import replace

from kit.papers import Key, Layout
from kit.report.cells import Measured
from kit.report.choice import Runs, measure, score
from kit.report.tables import TableRequest, TableValues

ORIGIN = "runs"


def fill(request: TableRequest) -> TableValues:
    """Fill the cells that have runs."""
    measured = {}
    for key in request.keys:
        runs = request.runs.get((key.task, key.method))
        cell = _cell(runs, key, request.layout) if runs else None
        if cell is not None:
            measured[key] = cell
    return TableValues(measured=measured)


def _cell(runs: Runs, key: Key, layout: Layout) -> Measured | None:
    plain = measure(runs, key.metric, score)
    form = released_form(layout, key)
    if form is None or runs.kind.protocol != "released":
        return plain
    cell = measure(runs, form, score)
    return plain if cell is None else replace(cell, beside=plain)


def released_form(layout: Layout, key: Key) -> str | None:
    """Return the form of a cell's metric that the released code printed, if it has its own."""
    for form in layout.released:
        whole = form.metric.partition("/")[0]
        ours = not form.methods or key.method in form.methods
        if (form.task, whole) == (key.task, key.metric) and ours:
            return form.metric
    return None
