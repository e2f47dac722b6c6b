"""Seconds of one search epoch with each way to compute the mixture (DASH, Table 8)."""

from __future__ import annotations

from dataclasses import replace

from kit.bench import epoch_times
from kit.papers import Key
from kit.report.cells import Computed
from kit.report.tables import TableRequest, TableValues, sizes

ORIGIN = "models, 'kit bench'"
METRIC = "search-epoch-seconds/"


def fill(request: TableRequest) -> TableValues:
    """Count the models, and fill in the seconds that 'kit bench epoch' measured."""
    counted = [key for key in request.keys if not key.metric.startswith(METRIC)]
    filled = sizes.fill(replace(request, keys=counted))
    return replace(filled, derived=_seconds(request))


def _seconds(request: TableRequest) -> dict[Key, Computed]:
    measured = epoch_times.load()
    if measured is None:
        return {}
    seconds = {(each.method, METRIC + each.strategy): each.seconds for each in measured.epochs}
    how = f"measured here: {measured}"
    return {
        key: Computed(f"{value:.3g}", value, how)
        for key in request.keys
        if (value := seconds.get((key.method, key.metric))) is not None
    }
