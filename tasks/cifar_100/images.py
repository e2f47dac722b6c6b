"""Reading twenty images of CIFAR-100 from the Python package foolbox."""

from __future__ import annotations

import io
import re
from pathlib import Path

import numpy as np

from kit import extras
from kit.data import archives
from kit.errors import DataError, KitError

from .raw import CLASSES, SIDE, Images, Labels

IMAGE = re.compile(r"foolbox/data/cifar100_\d\d_(\d+)\.png")
COUNT = 20


def read(wheel: Path) -> tuple[Images, Labels]:
    """Return images (20, 3, 32, 32) of 0..255 and fine labels (20,), sorted by file name.

    Raises:
        KitError: Pillow is not installed.
        DataError: an image is missing or invalid.
    """
    images, labels = {}, {}
    for name, stream in archives.members(wheel, wanted=lambda name: bool(IMAGE.fullmatch(name))):
        match = IMAGE.fullmatch(name)
        assert match is not None
        place = f"{wheel.name}: {Path(name).name}"
        if int(match[1]) >= CLASSES:
            raise DataError(f"{place}: its label is outside 0..{CLASSES - 1}")
        images[name], labels[name] = _decode(place, stream.readall() or b""), int(match[1])
    if len(images) != COUNT:
        raise DataError(f"{wheel.name}: {len(images)} images of CIFAR-100 instead of {COUNT}")
    order = sorted(images)
    return np.stack([images[name] for name in order]), np.array([labels[name] for name in order])


def _decode(place: str, content: bytes) -> Images:
    """Return a PNG image (3, 32, 32); ``place`` names it in error messages."""
    try:
        from PIL import Image
    except ModuleNotFoundError:
        raise KitError(f"{place} needs pillow: {extras.install('images')}") from None
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as image:
            if (image.mode, image.size) != ("RGB", (SIDE, SIDE)):
                raise DataError(f"{place}: {image.mode} {image.size}, not RGB {(SIDE, SIDE)}")
            return np.asarray(image).transpose(2, 0, 1)
    except (OSError, SyntaxError, ValueError) as error:
        raise DataError(f"{place}: not a whole PNG file ({error})") from None
