"""Reading image files by Pillow."""

from __future__ import annotations

import math
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from kit import extras
from kit.columns import plural
from kit.data.own.reading import Array, Reading
from kit.errors import DataError, KitError, plain
from kit.files import DAMAGE

GREY = ("1", "L", "LA")
# The Exif tag of the camera's orientation; from 5 on, height and width are exchanged.
ORIENTATION, LYING = 0x0112, 5
# Further errors that Pillow raises for a damaged file.
BROKEN = (OSError, SyntaxError, zlib.error)
# Grey modes of more than 8 bits.
DEEP = ("I", "F", "I;16", "I;16B", "I;16L", "I;16N")


def images(place: str, files: Sequence[Path], reading: Reading) -> tuple[Array, Reading, list[str]]:
    """Return images (samples, channels, h, w), the reading with their mode and size, and notes.

    If all images are grey, the result has one channel, of floats if they have more than 8 bits;
    else it has red, green and blue.

    Args:
        place: the folder, for messages.
        files: the images.
        reading: mode and size, if stated.

    Raises:
        DataError: an image is damaged, or they differ in size and no size is stated.
        KitError: Pillow is not installed.
    """
    try:
        from PIL import Image, ImageOps
    except ModuleNotFoundError:
        raise KitError(f"images need Pillow: {extras.install('images')}") from None
    modes: dict[str, int] = {}
    sizes: dict[tuple[int, int], Path] = {}
    moving = 0
    try:
        for file in files:
            with Image.open(file) as image:
                modes[image.mode] = modes.get(image.mode, 0) + 1
                upright = image.getexif().get(ORIENTATION, 1) < LYING
                size = (image.height, image.width) if upright else (image.width, image.height)
                sizes.setdefault(size, file)
                moving += getattr(image, "n_frames", 1) > 1
        mode, notes = reading.mode, []
        if not mode:
            deep, grey = set(modes) & set(DEEP), set(modes) <= {*GREY, *DEEP}
            if deep and len(deep) < len(modes):
                raise DataError(
                    f"{place} has images of {' and '.join(sorted(modes))}; convert them to one kind"
                )
            mode = "F" if deep else "L" if grey else "RGB"
            if len(modes) > 1 or mode not in modes:
                counts = ", ".join(f"{count} {name}" for name, count in sorted(modes.items()))
                notes.append(f"images of {counts}, taken as {mode}")
            if any(name.endswith(("A", "a")) for name in modes):
                notes.append("transparency is left out")
            if moving:
                notes.append(f"{plural(moving, 'image')} of several frames: the first is taken")
        wanted = reading.size
        if not wanted and len(sizes) > 1:
            (one, a), (other, b) = list(sizes.items())[:2]
            raise DataError(
                f"{place}: {a.name} is {one[0]} x {one[1]}, {b.name} {other[0]} x {other[1]}; say "
                "--size HEIGHTxWIDTH and all are made that large"
            )
        wanted = wanted or next(iter(sizes))
        wanted = (wanted[0], wanted[-1])
        if wanted[0] * wanted[1] > (Image.MAX_IMAGE_PIXELS or math.inf):
            raise DataError(f"{place}: --size {wanted[0]}x{wanted[1]} is larger than images are")
        arrays = []
        for file in files:
            with Image.open(file) as image:
                converted = ImageOps.exif_transpose(image).convert(mode)
                if (converted.height, converted.width) != wanted:
                    converted = converted.resize((wanted[1], wanted[0]), Image.Resampling.BILINEAR)
                arrays.append(np.asarray(converted))
    except MemoryError:
        raise DataError(f"{place}: {plural(len(files), 'image')}, too much for memory") from None
    except (*DAMAGE, *BROKEN, Image.DecompressionBombError) as error:
        raise DataError(f"{file}: no image that can be read ({plain(str(error))})") from None
    x = np.stack(arrays)
    x = x[:, None] if x.ndim == 3 else x.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(x), replace(reading, mode=mode, size=tuple(wanted)), notes
