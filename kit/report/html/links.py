"""From a cell to the runs behind it."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from kit.report.cells import Measured
from kit.report.choice import unfit
from kit.report.html.runs import Run


class Links:
    """The runs that fill cells, by what they are."""

    def __init__(self, runs: Iterable[Run]) -> None:
        self._runs: dict[tuple[object, ...], list[Run]] = defaultdict(list)
        for run in runs:
            if run.result is not None and unfit(run.result.spec) is None:
                spec = run.result.spec
                self._runs[spec.task, spec.method, *spec.kind, spec.seed].append(run)

    def behind(self, measured: Measured) -> list[tuple[int, Run]]:
        """Return (seed, run) of every run behind a measured cell."""
        return [
            (seed, run)
            for seed in sorted({*measured.seeds, *measured.duplicate_seeds})
            for run in self._runs.get((measured.task, measured.method, *measured.kind, seed), [])
        ]
