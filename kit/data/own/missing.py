"""Missing values, and values that networks cannot take."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from msgspec.structs import replace

from kit.columns import plural
from kit.data.own.columns import strays
from kit.data.own.reading import Array, Reading
from kit.errors import DataError

# Largest absolute value of inputs; with larger ones, squares and sums overflow float32.
LARGEST = 1e15


def absent(values: Array) -> npt.NDArray[np.bool_]:
    """Return a mask of the missing values, of the same shape."""
    if values.dtype.kind == "O":
        return np.array([each is None for each in values.flat], bool).reshape(values.shape)
    if values.dtype.kind == "f":
        return np.isnan(values)
    return np.isnat(values) if values.dtype.kind == "M" else np.zeros(values.shape, bool)


def whole(place: str, what: str, values: Array) -> Array:
    """Check that a further column has one value per sample and none missing, and return it.

    Args:
        place: the file, for messages.
        what: the column, for messages.
        values: the column as it was read; objects are returned as text.

    Raises:
        DataError: the column is not like that.
    """
    if values.ndim != 1 or values.dtype.kind not in "biufMOU":
        shape = f"{values.dtype} {values.shape}"
        raise DataError(f"{place}: {what} is {shape}, not a number, word or date per sample")
    count = int(absent(values).sum())
    if count:
        raise DataError(f"{place}: {what} lacks {plural(count, 'value')}")
    return values.astype(str) if values.dtype.kind == "O" else values


def numbers(place: str, what: str, values: Array) -> Array:
    """Check that values are numbers, and return them in their dtype; booleans become uint8.

    Raises:
        DataError: the values are not numbers, or one is infinite or too large for float32.
    """
    if values.dtype.kind == "O":
        such = "".join(f", such as {word!r}," for word in strays(values)[:1])
        raise DataError(f"{place}: {what} holds words{such or ','} not numbers")
    if values.dtype.kind not in "fiub":
        raise DataError(f"{place}: {what} is of type {values.dtype}, not numbers")
    if values.dtype.kind == "b":
        return values.astype(np.uint8)
    floats = values.dtype.kind == "f"
    if floats and (count := int(np.isinf(values).sum())):
        raise DataError(f"{place}: {what} holds {plural(count, 'infinite value')}")
    with np.errstate(invalid="ignore", over="ignore"):  # NaN; LARGEST overflows float16
        beyond = (values > LARGEST) | (values < -LARGEST)
    if beyond.any():
        largest = float(np.nanmax(np.abs(values.astype(np.float64))))
        raise DataError(
            f"{place}: {what} holds {plural(int(beyond.sum()), 'value')} beyond {LARGEST:g}, such "
            f"as {largest:g}, which networks cannot take; scale them first"
        )
    return values


def fitted(
    place: str, x: Array, train: Array, reading: Reading, steps: Array | None = None
) -> tuple[Array, Reading, list[str]]:
    """Return inputs with missing values filled, the reading with the numbers for that, and notes.

    Args:
        place: the file, for messages.
        x: inputs (samples, channels, *spatial).
        train: indices of the samples over which means are computed.
        reading: its ``missing`` states how to fill them.
        steps: (samples,) how many steps a sample has; the zeros behind them are in no mean.

    Raises:
        DataError: values are missing, and it is not stated how to fill them.
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
        if steps is not None:
            known &= np.arange(x.shape[2]) < steps[train, None, None]
        totals = np.where(known, seen, 0).sum(axis=axes) / np.maximum(known.sum(axis=axes), 1)
        means = [float(f"{mean:.9g}") for mean in totals]
    reading = replace(reading, fill=tuple(means))
    return filled(x, reading), reading, [f"{plural(count, 'missing value')} ({reading.missing})"]


def filled(x: Array, reading: Reading) -> Array:
    """Return inputs with missing values filled as the reading states."""
    if reading.missing is None:
        return x
    gaps = absent(x)
    means = np.array(reading.fill).reshape(-1, *[1] * (x.ndim - 2))
    values = np.where(gaps, means, x).astype(np.float32)
    if reading.missing == "mask":
        values = np.concatenate([values, gaps.astype(np.float32)], axis=1)
    return values


def statistics(x: Array) -> tuple[list[float], list[float], list[int]]:
    """Return mean and standard deviation of each channel, and the indices of constant channels.

    A constant channel has standard deviation 1.

    Args:
        x: (samples, channels, *spatial), without missing values.
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
