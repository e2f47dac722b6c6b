"""Conversion and checks of arguments of searches that are called from Python."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable
from typing import Any


def number(value: Any) -> float:
    """Return a number of Python, NumPy or torch as a float; NaN for anything else, such as text."""
    try:
        return math.nan if isinstance(value, str) else float(value)
    except (TypeError, ValueError):
        return math.nan


def is_whole(value: Any, least: int) -> bool:
    """Return whether a value is an integer, of Python or NumPy, of at least ``least``."""
    try:
        return operator.index(value) >= least
    except TypeError:
        return False


def patterns(argument: str, values: Iterable[str]) -> tuple[str, ...]:
    """Return patterns of the names of layers as a tuple; a single one may be given as text.

    Args:
        argument: the name of the argument, for the message.
        values: the patterns.

    Raises:
        ValueError: the values are not an iterable of texts.
    """
    try:
        # tuple() of a single text would make a pattern of each of its letters.
        result = (values,) if isinstance(values, str) else tuple(values)
        valid = all(isinstance(each, str) for each in result)
    except TypeError:
        result, valid = (), False
    if not valid:
        raise ValueError(
            f"{argument} has patterns of names of layers, such as ('encoder.*',), not {values!r}"
        )
    return result
