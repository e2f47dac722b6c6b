"""Image files, by Pillow."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from kit import extras
from kit.data.own.reading import Array, Reading
from kit.errors import DataError, KitError

GREY = ("1", "L", "LA")
DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")


def images(place: str, files: Sequence[Path], reading: Reading) -> tuple[Array, Reading, list[str]]:
    """Return images (samples, channels, h, w), how to read more of them, and notes.

    They are grey (8 bits, or deeper ones as they are) where all of them are, else red, green, blue.

    Raises:
        DataError: one is damaged, or they differ in size and none is stated.
        KitError: Pillow is missing.
    """
    try:
        from PIL import Image, UnidentifiedImageError
    except ModuleNotFoundError:
        raise KitError(f"images need Pillow: {extras.install('images')}") from None
    modes: dict[str, int] = {}
    sizes: dict[tuple[int, int], Path] = {}
    try:
        for file in files:
            with Image.open(file) as image:
                modes[image.mode] = modes.get(image.mode, 0) + 1
                sizes.setdefault((image.height, image.width), file)
        mode, notes = reading.mode, []
        if not mode:
            deep, grey = set(modes) & set(DEEP), set(modes) <= {*GREY, *DEEP}
            if deep and len(deep) < len(modes):
                raise DataError(
                    f"{place} has images of {' and '.join(sorted(modes))}: not one kind"
                )
            mode = "F" if deep else "L" if grey else "RGB"
            if len(modes) > 1 or mode not in modes:
                told = ", ".join(f"{count} {name}" for name, count in sorted(modes.items()))
                notes.append(f"images of {told}, taken as {mode}")
        size = reading.size
        if not size and len(sizes) > 1:
            (one, a), (other, b) = list(sizes.items())[:2]
            raise DataError(
                f"{place}: {a.name} is {one[0]} x {one[1]}, {b.name} {other[0]} x {other[1]}; say "
                "--size HEIGHTxWIDTH and all are made that large"
            )
        size = size or next(iter(sizes))
        if len(size) == 1:
            size = (size[0], size[0])
        made = []
        for file in files:
            with Image.open(file) as image:
                converted = image.convert(mode)
                if (image.height, image.width) != size:
                    converted = converted.resize((size[1], size[0]), Image.Resampling.BILINEAR)
                made.append(np.asarray(converted))
    except (UnidentifiedImageError, OSError, ValueError, Image.DecompressionBombError) as error:
        raise DataError(
            f"{file}: no image that can be read ({' '.join(str(error).split())})"
        ) from None
    x = np.stack(made)
    x = x[:, None] if x.ndim == 3 else x.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(x), replace(reading, mode=mode, size=tuple(size)), notes
