"""1 - R²: the mean squared error over the variance of the truth; 1 if its mean is predicted."""

from __future__ import annotations

import math

from kit.metrics.rmse import Errors
from kit.runs.records import MetricValue


class Evaluator(Errors):
    """One minus the coefficient of determination, mean over outputs, as in scikit-learn.

    It is undefined for an output whose truth is constant, which is left out of the mean.
    """

    def _scores(self) -> dict[str, MetricValue]:
        """Return ``one-minus-r2``."""
        error, truth = self.errors()
        spread = (truth - truth.mean(1, keepdim=True)).square().sum(1)
        constant = truth.amax(1) == truth.amin(1)
        share = (error.square().sum(1) / spread).masked_fill(constant, math.nan)
        return {"one-minus-r2": self.value(share, "fraction")}
