"""Which values each metric can have: what lies outside was not measured."""

from __future__ import annotations

from collections.abc import Mapping

from kit.runs.records import MetricValue

# Scores come from predictions in float32.
LARGEST = 3.4028235e38
# SHARE is for fractions, which may also be given in per cent.
SHARE, POSITIVE = (0.0, 1.0), (0.0, LARGEST)
# By the metric's name up to a slash; ``kit.metrics`` has a module for each.
RANGES: Mapping[str, tuple[float, float]] = {
    "false-negative-rate": SHARE,
    "mae": POSITIVE,
    "mae8": POSITIVE,
    "one-minus-auroc": SHARE,
    "one-minus-f1": SHARE,
    "one-minus-map": SHARE,
    "one-minus-miou": SHARE,
    "one-minus-r2": POSITIVE,  # worse than the mean is above 1
    "relative-l2": POSITIVE,
    "rmse": POSITIVE,
    "zero-one-error": SHARE,
}
# For metrics that are not listed.
ANY = (-LARGEST, LARGEST)


def check(metrics: Mapping[str, MetricValue]) -> None:
    """Check every score, and the counts beside it.

    Raises:
        ValueError: a score is outside its metric's range, or a count is negative.
    """
    for name, metric in metrics.items():
        # What is undefined can be labels or classes, of which there can be more than units.
        if min(metric.n_undefined, metric.n_units) < 0:
            raise ValueError(f"{name}: {metric.n_undefined} undefined, {metric.n_units} units")
        if metric.value is None:
            continue
        bounds = RANGES.get(name.partition("/")[0], ANY)
        low, high = (100 * b for b in bounds) if (bounds, metric.unit) == (SHARE, "%") else bounds
        slack = 1e-9 * min(high, 100.0)  # a mean of ones may end beside it
        if not low - (slack if bounds == SHARE else 0) <= metric.value <= high + slack:
            raise ValueError(f"{name} is {metric.value:.6g}, and not within {low:g} to {high:g}")
