"""Checks of fields in raw files; an error is one line that names the file and the field."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.errors import DataError

Array = npt.NDArray[Any]


def fields(place: str, content: Any, names: Iterable[str]) -> Mapping[str, Any]:
    """Return ``content`` as a dictionary that has all these fields.

    Args:
        place: the file, for error messages.
        content: what was read.
        names: the required fields.

    Raises:
        DataError: it is not a dictionary, or a field is missing.
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
    """Return ``value`` as an array of finite numbers.

    Args:
        place: file and field, for error messages.
        value: an array, or nested lists of numbers.
        shape: the required shape; None for an axis of any length but 0.
        dtype: the required dtype; None for any type of number.

    Raises:
        DataError: the value is not such an array.
    """
    array = _array(place, value, shape)
    typed = array.dtype == dtype if dtype else array.dtype.kind in "biuf"
    if not typed or not _fits(array.shape, shape):
        wanted = np.dtype(dtype) if dtype else "numbers"
        sizes = str(shape).replace("None", "n")
        raise DataError(f"{place} is {array.dtype} {array.shape}, not {wanted} {sizes}")
    return finite(place, array)


def finite(place: str, array: Array) -> Array:
    """Check that all numbers of an array are finite, and return the array.

    Raises:
        DataError: a number is not finite.
    """
    if array.dtype.kind == "f" and not np.isfinite(array).all():
        raise DataError(f"{place} holds values that are not finite")
    return array


def labels(place: str, value: Any, count: int, classes: range) -> npt.NDArray[np.int64]:
    """Return labels (count,) that are counted from 0.

    Args:
        place: file and field, for error messages.
        value: what was read; whole numbers of any type.
        count: the required number of labels.
        classes: the numbers of the classes in the file.

    Raises:
        DataError: there are more or fewer labels, or one is not a class.
    """
    numbered = numbers(place, value, (count,))
    if not np.isin(numbered, classes).all():
        raise DataError(f"{place} holds values outside {classes[0]}..{classes[-1]}")
    return numbered.astype(np.int64) - classes[0]


def _array(place: str, value: Any, wanted: tuple[int | None, ...]) -> Array:
    """Return a value as an array; lists of numbers and arrays of objects are converted.

    A small pickle may hold the same list many times within another one, and numpy would copy it
    each time. So a list is given to numpy only once its shape is known to be the wanted one.
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
    """Return the shape of nested lists of numbers; ``known`` has that of the lists seen, by id."""
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
    """Tell whether a shape is the wanted one; None stands for any length but 0."""
    return len(shape) == len(wanted) and all(
        size > 0 if limit is None else size == limit
        for size, limit in zip(shape, wanted, strict=True)
    )
