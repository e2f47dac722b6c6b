"""The order of axes of arrays: stated by letters, or guessed from the shape if that is clear."""

from __future__ import annotations

import numpy as np

from kit.data.own.reading import Array
from kit.errors import DataError

# N samples, C channels, L positions (T is the same), D depth, H height, W width.
LETTERS = "NCLTDHW"
SPATIAL = ("L", "T", "HW", "DHW")
# Up to this number of channels, a sequence may be short compared with it.
FEW = 4


def check(layout: str) -> str:
    """Check a layout and return it in capitals.

    Raises:
        DataError: it is not a valid layout.
    """
    letters = layout.upper()
    spatial = "".join(each for each in letters if each not in "NC")
    known = "".join(sorted(spatial)) in ("", *SPATIAL) and "N" in letters
    if not known or len(set(letters)) < len(letters) or not set(letters) <= set(LETTERS):
        raise DataError(
            f"--layout {layout}: one letter per axis, each once: N samples, C channels, and L, or "
            "H and W, or D, H and W; such as NHWC or NCL"
        )
    return letters


def usual(place: str, shape: tuple[int, ...]) -> str:
    """Return the usual layout of inputs of a shape, if none is stated.

    Raises:
        DataError: there is no usual layout for this number of axes, or the shape is ambiguous.
    """
    match len(shape):
        case 2:
            return "NL"
        case 3:
            _, first, second = shape
            if first == second:
                return "NHW"
            if first > FEW and 4 * first > second:
                raise DataError(
                    f"{place}: x is {shape}; say which axis is which: --layout NCL (channels "
                    "first), NLC (channels last), or NHW (grey images)"
                )
            return "NCL"
        case 4:
            _, channels, *sides = shape
            if channels > min(sides):
                raise DataError(
                    f"{place}: x is {shape}; say which axis is which: --layout NHWC (channels "
                    "last) or NCHW (channels first)"
                )
            return "NCHW"
        case 5:
            raise DataError(
                f"{place}: x is {shape}: networks here have one or two axes; --layout NCDHW or "
                "NDHWC takes the layers of depth as channels"
            )
    raise DataError(f"{place}: x is {shape}, not (samples, channels, n) or (.., h, w)")


def arrange(place: str, what: str, values: Array, layout: str) -> Array:
    """Return values as (samples, channels, *spatial).

    Args:
        place: the file, for messages.
        what: name of the array, for messages.
        values: the array as it was read.
        layout: a letter for each axis; layers of depth become channels.

    Raises:
        DataError: the number of letters is not that of axes, or an axis is empty.
    """
    if values.ndim != len(layout):
        raise DataError(f"{place}: {what} is {values.shape}, which has not the axes {layout}")
    if 0 in values.shape:
        raise DataError(f"{place}: {what} is {values.shape}: it is empty")
    order = [letter for letter in "NCDLTHW" if letter in layout]
    moved = values.transpose([layout.index(letter) for letter in order])
    if "C" not in order:
        moved = moved[:, None]
    if "D" in order:
        moved = moved.reshape(len(moved), -1, *moved.shape[3:])
    if moved.ndim == 2:  # channels alone, at one position
        moved = moved[:, :, None]
    return np.ascontiguousarray(moved)


def told(sizes: tuple[int, ...], layout: str) -> str:
    """Return the shape that arrays of a layout have, such as ``(samples, 32, 32, 3)``.

    Args:
        sizes: of a sample (channels, *spatial).
        layout: a letter for each axis, none of depth.
    """
    named = {
        "N": "samples",
        **dict(zip(["C", *(a for a in "LTHW" if a in layout)], sizes, strict=False)),
    }
    return f"({', '.join(str(named[letter]) for letter in layout)})"
