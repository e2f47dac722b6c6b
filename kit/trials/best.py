"""The best of several trials; a score that is not a finite number loses."""

from __future__ import annotations

import math
from collections.abc import Sequence

from kit.errors import DivergedError


def rank(score: float | None) -> float:
    """Return a score, the lower the better, with all that is not a finite number as infinity."""
    return score if score is not None and math.isfinite(score) else math.inf


def best_of(scores: Sequence[float | None]) -> int:
    """Return the index of the lowest score, the first on ties.

    Raises:
        DivergedError: none of them is a finite number.
    """
    ranked = [rank(score) for score in scores]
    best = min(ranked)
    if best == math.inf:
        raise DivergedError(
            f"none of {len(ranked)} trials has a score that is a finite number: they diverged, or "
            "the metric is not defined on the fold that they are scored on"
        )
    return ranked.index(best)
