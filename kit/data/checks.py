"""What raw readers demand of the fields they find; whatever is wrong is named in one line."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.errors import DataError

Array = npt.NDArray[Any]


def fields(place: str, content: Any, names: Iterable[str]) -> Mapping[str, Any]:
    """Return a dictionary that has these fields.

    Raises:
        DataError: it is none, or one is missing.
    """
    if not isinstance(content, Mapping):
        raise DataError(f"{place}: not a dictionary but a {type(content).__name__}")
    for name in names:
        if name not in content:
            raise DataError(f"{place}: there is no field {name!r}")
    return content


def numbers(
    place: str, value: Any, shape: tuple[int | None, ...], dtype: npt.DTypeLike | None = None
) -> Array:
    """Return an array of finite numbers.

    Args:
        place: file and field, for errors.
        value: what was read.
        shape: wanted; None where any length but 0 will do.
        dtype: the only one allowed; None for any type of number.

    Raises:
        DataError: it is not such an array.
    """
    array = _array(place, value, shape)
    typed = array.dtype == dtype if dtype else array.dtype.kind in "biuf"
    if not typed or not _fits(array.shape, shape):
        wanted = np.dtype(dtype) if dtype else "numbers"
        sizes = str(shape).replace("None", "n")
        raise DataError(f"{place} is {array.dtype} {array.shape}, not {wanted} {sizes}")
    return finite(place, array)


def finite(place: str, array: Array) -> Array:
    """Return an array of numbers that are all finite.

    Raises:
        DataError: one is not.
    """
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DataError(f"{place} holds values that are not finite")
    return array


def labels(place: str, value: Any, count: int, classes: range) -> npt.NDArray[np.int64]:
    """Return (count,) labels, counted from 0.

    Args:
        place: file and field, for errors.
        value: what was read; whole numbers of any type.
        count: how many there must be.
        classes: the numbers that the file has for them.

    Raises:
        DataError: they are not as many, or not of these classes.
    """
    found = numbers(place, value, (count,))
    if not np.isin(found, classes).all():
        raise DataError(f"{place} holds values outside {classes[0]}..{classes[-1]}")
    return found.astype(np.int64) - classes[0]


def _array(place: str, value: Any, wanted: tuple[int | None, ...]) -> Array:
    """Return an array as it is; numbers in lists, and objects that are numbers, as one.

    A small file may hold lists of the same list over and over, which numpy would write out: so
    numpy gets no list before it is known to have the wanted shape.
    """
    if isinstance(value, np.ndarray) and not value.dtype.hasobject:
        return value
    nested = value.tolist() if isinstance(value, np.ndarray) else value
    try:
        shape = _shape(nested, len(wanted), {})
        if not _fits(shape, wanted):
            sizes = str(wanted).replace("None", "n")
            raise DataError(f"{place} is a list {shape}, not numbers {sizes}")
        return np.asarray(nested)
    except (ValueError, OverflowError) as error:
        raise DataError(f"{place} is {error}") from None


def _shape(value: Any, axes: int, known: dict[int, tuple[int, ...]]) -> tuple[int, ...]:
    """Return the shape that lists of numbers have as an array; each list is looked at once."""
    if isinstance(value, np.ndarray) and value.dtype.kind in "biufc":
        return value.shape
    if isinstance(value, bool | int | float | complex | np.number | np.bool_):
        return ()
    if not isinstance(value, list | tuple):
        raise ValueError(f"a {type(value).__name__}, not a number")
    if axes == 0:
        raise ValueError("a list of lists of more axes than wanted")
    if id(value) not in known:
        shapes = {_shape(each, axes - 1, known) for each in value}
        if len(shapes) > 1:
            raise ValueError("a list of unequal lists")
        known[id(value)] = (len(value), *shapes.pop()) if shapes else (0,)
    return known[id(value)]


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        size > 0 if limit is None else size == limit
        for size, limit in zip(shape, wanted, strict=True)
    )
