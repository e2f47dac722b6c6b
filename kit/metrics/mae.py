"""MAE: the mean absolute error, in the task's units."""

from __future__ import annotations

from kit.metrics.rmse import Errors
from kit.runs.records import MetricValue


class Evaluator(Errors):
    """The mean absolute error, mean over outputs."""

    def _scores(self) -> dict[str, MetricValue]:
        """Return ``mae``."""
        error, _ = self.errors()
        return {"mae": self.value(error.abs().mean(1), "units of y")}
