"""What arguments of searches from Python may be, where they are not what they should be."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable


def number(value: object) -> float:
    """Return a number of Python, NumPy or torch as a float; NaN for what is none, text among it."""
    try:
        return math.nan if isinstance(value, str) else float(value)  # type: ignore[arg-type]
    except (TypeError, ValueError):
        return math.nan


def is_whole(value: object, least: int) -> bool:
    """Return whether something is a whole number, of Python or NumPy, from ``least`` on."""
    try:
        return operator.index(value) >= least  # type: ignore[arg-type]
    except TypeError:
        return False


def patterns(argument: str, values: Iterable[str]) -> tuple[str, ...]:
    """Return patterns of the names of layers; one alone may be given as it is.

    Raises:
        ValueError: one is no text, or there is no list of them.
    """
    try:
        # Text alone would be taken for a pattern of each of its letters.
        found = (values,) if isinstance(values, str) else tuple(values)
        fine = all(isinstance(each, str) for each in found)
    except TypeError:
        found, fine = (), False
    if not fine:
        raise ValueError(
            f"{argument} has patterns of names of layers, such as ('encoder.*',), not {values!r}"
        )
    return found
