"""Conversion and checks of arguments that are given from Python. No torch."""

from __future__ import annotations

import math
import operator
from collections.abc import Iterable, Sequence
from typing import Any, get_args

from kit.errors import plain


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


def check_whole(least: int = 1, **values: Any) -> None:
    """Check integers, of Python or NumPy, given by their names.

    Raises:
        ValueError: one is no integer of at least ``least``.
    """
    for name, value in values.items():
        if not is_whole(value, least):
            raise ValueError(f"{name} is a whole number from {least} on, not {plain(repr(value))}")


def shape(value: Any, axes: Sequence[int] = (1, 2), name: str = "input_shape") -> tuple[int, ...]:
    """Return the shape (channels, *spatial) of a sample as a tuple.

    Args:
        value: the shape.
        axes: which numbers of spatial axes there may be.
        name: of the argument, for the message.

    Raises:
        ValueError: it is no such shape.
    """
    try:
        sizes = tuple(value)
    except TypeError:
        sizes = ()
    if len(sizes) - 1 not in axes or not all(is_whole(size, 1) for size in sizes):
        how_many = " or ".join(map(str, axes))
        raise ValueError(
            f"{name} is (channels, *sizes) of a sample with {how_many} spatial axes, not "
            f"{plain(repr(value))}"
        )
    return tuple(map(operator.index, sizes))


def check_numbers(values: Any, sizes: Sequence[int], name: str) -> None:
    """Check nested lists of finite numbers.

    Args:
        values: the lists.
        sizes: their lengths, from the outermost one on.
        name: of the argument, for the message.

    Raises:
        ValueError: the lists have other lengths, or hold something else.
    """
    if not sizes:
        if not math.isfinite(number(values)):
            raise ValueError(f"{name} is a finite number, not {plain(repr(values))}")
        return
    if not isinstance(values, Sequence) or len(values) != sizes[0] or not sizes[0]:
        found = f"{len(values)} of them" if isinstance(values, Sequence) else plain(repr(values))
        raise ValueError(f"{name} is a list of {sizes[0] or 'some'}, not {found}")
    for place, value in enumerate(values):
        check_numbers(value, sizes[1:], f"{name}[{place}]")


def check_words(kind: Any, **values: Any) -> None:
    """Check words, given by their names.

    Args:
        kind: the ``Literal`` of the words that there are.
        values: the words.

    Raises:
        ValueError: one is none of these.
    """
    words = get_args(kind)
    for name, value in values.items():
        # Arrays compare in their own way.
        if not isinstance(value, str) or value not in words:
            raise ValueError(f"{name} is one of {', '.join(words)}, not {plain(repr(value))}")


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
            f"{argument} has patterns of names of layers, such as ('encoder.*',), not "
            f"{plain(repr(values))}"
        )
    return result
