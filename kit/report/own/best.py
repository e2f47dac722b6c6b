"""Which methods are best, by a test over seeds."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from statistics import fmean, variance
from typing import Literal

Mark = Literal["best", "alike", ""]
LEVEL = 0.05


def marks(values: Mapping[str, Sequence[float]]) -> dict[str, Mark]:
    """Return ``best`` for the lowest mean, ``alike`` for those that may be as low, by method.

    Each method is held against the best by Welch's one-sided t test; Holm's correction keeps the
    chance of calling any of them worse that is not below one in twenty. Where a method has a single
    seed there is no test, and no mark but that of the best.

    Args:
        values: one per seed, lower is better; methods without any are left out.
    """
    means = {name: fmean(each) for name, each in values.items() if each}
    if len(means) < 2:
        return dict.fromkeys(means, "")
    best = min(means, key=lambda name: means[name])
    found: dict[str, Mark] = {n: "best" if means[n] == means[best] else "" for n in means}
    chances = {
        name: chance
        for name in means
        if not found[name] and (chance := _chance(values[best], values[name])) is not None
    }
    worse = True
    for at, (name, chance) in enumerate(sorted(chances.items(), key=lambda each: each[1])):
        worse = worse and chance * (len(chances) - at) < LEVEL
        found[name] = "" if worse else "alike"
    return found


def _chance(best: Sequence[float], other: Sequence[float]) -> float | None:
    """Return p of the hypothesis that the other's mean is not above; None without two seeds each.

    Methods in which nothing is random have no deviation: any difference is one then.
    """
    from scipy.stats import ttest_ind_from_stats

    if len(best) < 2 or len(other) < 2:
        return None
    spreads = variance(best) ** 0.5, variance(other) ** 0.5
    if not any(spreads):
        return 0.0 if fmean(other) > fmean(best) else 1.0
    test = ttest_ind_from_stats(
        fmean(other),
        spreads[1],
        len(other),
        fmean(best),
        spreads[0],
        len(best),
        equal_var=False,
        alternative="greater",
    )
    return float(test.pvalue)
