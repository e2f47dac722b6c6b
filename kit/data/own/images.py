"""Reading image files by Pillow."""

from __future__ import annotations

import math
import zlib
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from msgspec.structs import replace

from kit import extras
from kit.columns import plural
from kit.data.own.reading import Array, Reading
from kit.errors import DataError, KitError, plain
from kit.files import DAMAGE

if TYPE_CHECKING:
    from PIL import ImageFile

GREY = ("1", "L", "LA")
# The Exif tag of the camera's orientation; by these, height and width are exchanged.
ORIENTATION, LYING = 0x0112, (5, 6, 7, 8)
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
        DataError: an image is damaged, they differ in size and no size is stated, or they have
            other bits than the stated mode.
        KitError: Pillow is not installed.
    """
    if find_spec("PIL") is None:
        raise KitError(f"images need Pillow: {extras.install('images')}")
    try:
        found = _survey(files)
        mode, notes = _common_mode(place, found, reading.mode)
        size = _common_size(place, found, reading.size)
        arrays = [_pixels(file, mode, size) for file in files]
    except MemoryError:
        raise DataError(f"{place}: {plural(len(files), 'image')}, too much for memory") from None
    resized = sum(len(each) for own, each in found.sizes.items() if own != size)
    if resized:
        notes.append(f"{plural(resized, 'image')} brought to {size[0]} x {size[1]}")
    x = np.stack(arrays)
    x = x[:, None] if x.ndim == 3 else x.transpose(0, 3, 1, 2)
    return np.ascontiguousarray(x), replace(reading, mode=mode, size=size), notes


@dataclass(frozen=True)
class _Survey:
    """What a folder of images holds.

    Attributes:
        modes: how many images have each of Pillow's modes.
        sizes: the files of each size (h, w), upright.
        moving: how many images have several frames.
        clear: whether one has transparent parts.
        fine: how many have colours of 16 bits, which Pillow reads as 8.
    """

    modes: Mapping[str, int]
    sizes: Mapping[tuple[int, int], Sequence[Path]]
    moving: int
    clear: bool
    fine: int


def _survey(files: Sequence[Path]) -> _Survey:
    """Look at images without decoding them."""
    modes: Counter[str] = Counter()
    sizes: dict[tuple[int, int], list[Path]] = {}
    moving, clear, fine = 0, False, 0
    for file in files:
        with _opened(file) as image:
            modes[image.mode] += 1
            # What follows may decode the image, and then it has no tiles any more.
            fine += image.mode not in DEEP and any(";16" in str(each.args) for each in image.tile)
            lying = image.getexif().get(ORIENTATION) in LYING
            size = (image.width, image.height) if lying else (image.height, image.width)
            sizes.setdefault(size, []).append(file)
            moving += getattr(image, "n_frames", 1) > 1
            clear |= image.has_transparency_data
    return _Survey(modes, sizes, moving, clear, fine)


def _common_mode(place: str, found: _Survey, stated: str) -> tuple[str, list[str]]:
    """Return the mode to which all images are converted, the stated one if any, and notes.

    Raises:
        DataError: some have more than 8 bits, or are of fractions, and others are not; or all have
            other bits than the stated mode.
    """
    modes = found.modes
    deep, grey = set(modes) & set(DEEP), set(modes) <= {*GREY, *DEEP}
    # Whole numbers of 16 bits reach 65535; fractions of the same brightness are often up to 1.
    if deep and (len(deep) < len(modes) or ("F" in deep and len(deep) > 1)):
        raise DataError(
            f"{place} has images of {' and '.join(sorted(modes))}; convert them to one kind"
        )
    if stated and bool(deep) != (stated == "F"):
        # Their values are in other units: 255 of the one is 65535 of the other.
        ours, theirs = ("8", "more than 8") if deep else ("more than 8", "8")
        raise DataError(
            f"{place} has images of {theirs} bits per channel ({' and '.join(sorted(modes))}), "
            f"but the task was made from images of {ours}; convert them"
        )
    mode, notes = stated or ("F" if deep else "L" if grey else "RGB"), []
    if len(modes) > 1 or mode not in modes:
        counts = ", ".join(f"{count} {name}" for name, count in sorted(modes.items()))
        notes.append(f"images of {counts}, taken as {mode}")
    if found.clear:
        notes.append("transparency is left out")
    if found.fine:
        notes.append(f"{plural(found.fine, 'image')} of 16 bits per channel: the upper 8 are taken")
    if found.moving:
        notes.append(f"{plural(found.moving, 'image')} of several frames: the first is taken")
    return mode, notes


def _common_size(place: str, found: _Survey, stated: tuple[int, ...]) -> tuple[int, int]:
    """Return the size (h, w) to which all images are brought: the stated one, else their own.

    Raises:
        DataError: they differ in size and none is stated, or it is larger than images are.
    """
    from PIL import Image

    if not stated and len(found.sizes) > 1:
        (one, a), (other, b) = list(found.sizes.items())[:2]
        raise DataError(
            f"{place}: {a[0].name} is {one[0]} x {one[1]}, {b[0].name} {other[0]} x {other[1]}; "
            "say --size HEIGHTxWIDTH and all are made that large"
        )
    wanted = stated or next(iter(found.sizes))
    height, width = wanted[0], wanted[-1]
    if height * width > (Image.MAX_IMAGE_PIXELS or math.inf):
        raise DataError(f"{place}: --size {height}x{width} is larger than images are")
    return height, width


def _pixels(file: Path, mode: str, size: tuple[int, int]) -> Array:
    """Return an image, upright, in a mode and of a size (h, w): (h, w), or (h, w, 3) in colours."""
    from PIL import Image, ImageOps

    with _opened(file) as image:
        converted = ImageOps.exif_transpose(image).convert(mode)
        if (converted.height, converted.width) != size:
            converted = converted.resize(size[::-1], Image.Resampling.BILINEAR)
        return np.asarray(converted)


@contextmanager
def _opened(file: Path) -> Iterator[ImageFile.ImageFile]:
    """Open an image file; what Pillow raises inside for a damaged one becomes a ``DataError``."""
    from PIL import Image

    try:
        with Image.open(file) as image:
            yield image
    except (*DAMAGE, *BROKEN, Image.DecompressionBombError) as error:
        raise DataError(f"{file}: no image that can be read ({plain(str(error))})") from None
