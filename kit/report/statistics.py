"""Statistics that the papers do not have: intervals, ranks, paired comparison over tasks."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import NDArray

Interval = tuple[float, float]
RESAMPLES = 9999
AT_A_TIME = 1 << 21  # drawn values: of many seeds not all resamples are kept at once


def mean_interval(values: Sequence[float], level: float = 0.95) -> Interval | None:
    """Return the percentile bootstrap interval of the mean over seeds; None for one value.

    It never leaves the range of the values, so with three seeds it covers far less than it says.
    """
    return _bootstrap(np.mean, np.asarray(values, float), level)


def correlation_interval(
    coefficient: float, count: int, *, of_ranks: bool = False, level: float = 0.95
) -> Interval | None:
    """Return the confidence interval of a correlation, by Fisher's transformation.

    Args:
        coefficient: Pearson's, or Spearman's.
        count: of the pairs.
        of_ranks: it is Spearman's, whose standard error is that of Bonett and Wright (2000).
        level: the chance that the interval holds the true coefficient.

    Returns:
        None for fewer than four pairs, and for a coefficient of 1 or -1.
    """
    if count < 4 or abs(coefficient) >= 1:
        return None
    spread = 1 + coefficient**2 / 2 if of_ranks else 1.0
    half = NormalDist().inv_cdf((1 + level) / 2) * math.sqrt(spread / (count - 3))
    middle = math.atanh(coefficient)
    return math.tanh(middle - half), math.tanh(middle + half)


def ranks(errors: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return ranks over methods, 1 the lowest error, ties averaged: (methods, tasks) -> same."""
    from scipy.stats import rankdata

    return np.asarray(rankdata(errors, axis=0))


@dataclass(frozen=True)
class MeanRank:
    """A method's mean rank over tasks, and its bootstrap interval over tasks."""

    mean: float
    median: float
    interval: Interval | None


def mean_ranks(errors: NDArray[np.float64], level: float = 0.95) -> list[MeanRank]:
    """Return the mean rank of each method: errors (methods, tasks), none missing."""
    return [
        MeanRank(float(row.mean()), float(np.median(row)), _bootstrap(np.mean, row, level))
        for row in ranks(errors)
    ]


@dataclass(frozen=True)
class Paired:
    """Two methods compared over tasks, the second against the first.

    Attributes:
        wins: tasks on which the second has the lower error.
        change: median over tasks of the relative change of the error, (second - first) / first.
        interval: of ``change``, a bootstrap over tasks.
        wilcoxon: p of the signed-rank test, two-sided; None for fewer than two tasks or all tied.
        sign: p of the sign test over the tasks that are not tied.
    """

    tasks: int
    wins: int
    ties: int
    losses: int
    change: float
    interval: Interval | None
    wilcoxon: float | None
    sign: float | None


def paired(first: Sequence[float], second: Sequence[float], level: float = 0.95) -> Paired:
    """Compare the errors of two methods on the same tasks.

    The signed-rank test is on differences relative to the two errors' mean, since errors of
    different metrics have no common unit. Their order is that of the ratios, whichever method
    comes first.
    """
    from scipy.stats import binomtest, wilcoxon

    a, b = np.asarray(first, float), np.asarray(second, float)
    difference = b - a
    wins, losses = int((difference < 0).sum()), int((difference > 0).sum())
    untied = wins + losses
    with np.errstate(divide="ignore", invalid="ignore"):
        relative = np.where(difference == 0, 0.0, difference / (np.abs(a) + np.abs(b)))
        change = np.where(difference == 0, 0.0, difference / a)
    test = wilcoxon(relative).pvalue if untied and len(a) > 1 else None
    return Paired(
        tasks=len(a),
        wins=wins,
        ties=len(a) - untied,
        losses=losses,
        change=float(np.median(change)),
        interval=_bootstrap(np.median, change, level),
        wilcoxon=None if test is None else float(test),
        sign=float(binomtest(wins, untied).pvalue) if untied else None,
    )


def _bootstrap(statistic: Any, values: NDArray[np.float64], level: float) -> Interval | None:
    """Return a percentile interval; the same values give the same interval."""
    if len(values) < 2:
        return None
    from scipy.stats import bootstrap

    with np.errstate(invalid="ignore"):  # a change from an error of zero is infinite
        found = bootstrap(
            (values,),
            statistic,
            n_resamples=RESAMPLES,
            batch=max(1, min(RESAMPLES, AT_A_TIME // len(values))),
            confidence_level=level,
            method="percentile",
            rng=np.random.default_rng(0),
        ).confidence_interval
    return float(found.low), float(found.high)
