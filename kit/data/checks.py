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
    try:
        array = np.asarray(value)
    except ValueError:
        raise DataError(f"{place} is a list of unequal lists") from None
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


def _fits(shape: tuple[int, ...], wanted: tuple[int | None, ...]) -> bool:
    return len(shape) == len(wanted) and all(
        size > 0 if limit is None else size == limit
        for size, limit in zip(shape, wanted, strict=True)
    )
