"""Missing and impossible values of inputs."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from kit.data.own.reading import Array, Reading, plural
from kit.errors import DataError

# Above this, squares and sums of float32 overflow in training.
LARGEST = 1e15


def absent(values: Array) -> npt.NDArray[np.bool_]:
    """Return where there is no value, in the same shape."""
    if values.dtype.kind == "O":
        return np.array([each is None for each in values.flat], bool).reshape(values.shape)
    if values.dtype.kind == "f":
        return np.isnan(values)
    return np.isnat(values) if values.dtype.kind == "M" else np.zeros(values.shape, bool)


def whole(place: str, what: str, values: Array) -> Array:
    """Return what stands beside the samples: one value each, none of them missing.

    Args:
        place: for messages.
        what: what it is, for messages.
        values: as they were read; words may be objects.

    Raises:
        DataError: it is something else.
    """
    if values.ndim != 1 or values.dtype.kind not in "biufMOU":
        shape = f"{values.dtype} {values.shape}"
        raise DataError(f"{place}: {what} is {shape}, not a number, word or date per sample")
    count = int(absent(values).sum())
    if count:
        raise DataError(f"{place}: {what} lacks {plural(count, 'value')}")
    return values.astype(str) if values.dtype.kind == "O" else values


def numbers(place: str, what: str, values: Array) -> Array:
    """Return numbers, of which those that are no float are as they were.

    Raises:
        DataError: they are no numbers, infinite, or too large for float32.
    """
    if values.dtype.kind == "O":
        raise DataError(f"{place}: {what} holds words, not numbers")
    if values.dtype.kind not in "fiub":
        raise DataError(f"{place}: {what} is of type {values.dtype}, not numbers")
    if values.dtype.kind == "b":
        return values.astype(np.uint8)
    floats = values.dtype.kind == "f"
    if floats and (count := int(np.isinf(values).sum())):
        raise DataError(f"{place}: {what} holds {plural(count, 'infinite value')}")
    with np.errstate(invalid="ignore", over="ignore"):  # NaN; LARGEST in halves
        beyond = (values > LARGEST) | (values < -LARGEST)
    if beyond.any():
        largest = float(np.nanmax(np.abs(values.astype(np.float64))))
        raise DataError(
            f"{place}: {what} holds {plural(int(beyond.sum()), 'value')} beyond {LARGEST:g}, such "
            f"as {largest:g}, which networks cannot take; scale them first"
        )
    return values


def fitted(
    place: str, x: Array, train: Array, reading: Reading
) -> tuple[Array, Reading, list[str]]:
    """Return inputs without missing values, how to fill those to come, and notes.

    Args:
        place: for messages.
        x: (samples, channels, *spatial).
        train: indices of the samples that means are taken of.
        reading: its ``missing`` says what becomes of them.

    Raises:
        DataError: values are missing, and nobody said what becomes of them.
    """
    gaps = absent(x)
    count = int(gaps.sum())
    if reading.missing is None:
        if count:
            where = gaps.any(axis=tuple(range(1, x.ndim)))
            raise DataError(
                f"{place}: x lacks {count:,} of {x.size:,} values, in "
                f"{plural(int(where.sum()), 'sample')}; say --missing mean, zero, or mask (the "
                "mean, and a channel that tells where)"
            )
        return x, reading, []
    axes = (0, *range(2, x.ndim))
    means = [0.0] * x.shape[1]
    if reading.missing != "zero":
        seen = x[train].astype(np.float64)
        known = np.isfinite(seen)
        totals = np.where(known, seen, 0).sum(axis=axes) / np.maximum(known.sum(axis=axes), 1)
        means = [float(f"{mean:.9g}") for mean in totals]
    reading = replace(reading, fill=tuple(means))
    return filled(x, reading), reading, [f"{plural(count, 'missing value')} ({reading.missing})"]


def filled(x: Array, reading: Reading) -> Array:
    """Return inputs whose missing values are filled as the reading says."""
    if reading.missing is None:
        return x
    gaps = absent(x)
    means = np.array(reading.fill).reshape(-1, *[1] * (x.ndim - 2))
    whole = np.where(gaps, means, x).astype(np.float32)
    if reading.missing == "mask":
        whole = np.concatenate([whole, gaps.astype(np.float32)], axis=1)
    return whole


def statistics(x: Array) -> tuple[list[float], list[float], list[int]]:
    """Return mean and deviation of each channel of (samples, channels, *spatial).

    A channel that never changes, the third result, has deviation 1.
    """
    axes = (0, *range(2, x.ndim))
    values = x.astype(np.float64)
    mean, deviation = values.mean(axis=axes), values.std(axis=axes)
    flat = values.max(axis=axes) == values.min(axis=axes)
    flat |= deviation < 1e-30
    stds = [
        1.0 if still else float(f"{std:.9g}") for std, still in zip(deviation, flat, strict=True)
    ]
    means = [float(f"{each:.9g}") for each in mean]
    assert all(map(math.isfinite, [*means, *stds]))
    return means, stds, np.flatnonzero(flat).tolist()
