"""Reading the published archive: a tar file of two pickles."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.data import archives, pickles
from kit.errors import DataError

SIDE, CHANNELS, CLASSES = 32, 3, 100
FOLDER = "cifar-100-python"
Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


class _Named(io.BytesIO):
    """A member's content, which errors can name."""

    name = ""


def read(file: Path, counts: Mapping[str, int]) -> dict[str, tuple[Images, Labels]]:
    """Return images (n, 3, 32, 32) of 0..255 and fine labels (n,) of ``train`` and ``test``.

    Args:
        file: ``cifar-100-python.tar.gz``.
        counts: images of ``train`` (validation included) and of ``test``.

    Raises:
        DataError: the archive is damaged, or a pickle is missing or not what it should be.
    """
    wanted = {f"{FOLDER}/{name}": name for name in counts}
    found = {}
    for path, stream in archives.members(file, wanted=wanted.__contains__):
        name = wanted[path]
        place = f"{file.name}: {name}"
        content = _Named(stream.readall() or b"")
        content.name = place
        found[name] = _checked(place, pickles.load(content), counts[name])
    for name in counts:
        if name not in found:
            raise DataError(f"{file.name}: there is no {FOLDER}/{name}")
    return found


def _checked(place: str, fields: Any, count: int) -> tuple[Images, Labels]:
    if not isinstance(fields, dict):
        raise DataError(f"{place}: not a dictionary")
    for name in ("data", "fine_labels"):
        if name not in fields:
            raise DataError(f"{place}: there is no field {name!r}")
    pixels, labels = fields["data"], fields["fine_labels"]
    wanted = (count, CHANNELS * SIDE * SIDE)
    if not isinstance(pixels, np.ndarray) or (pixels.dtype, pixels.shape) != (np.uint8, wanted):
        what = f"{pixels.dtype} {pixels.shape}" if isinstance(pixels, np.ndarray) else "no array"
        raise DataError(f"{place}: data is {what}, not uint8 {wanted}")
    if not isinstance(labels, list) or len(labels) != count:
        raise DataError(f"{place}: fine_labels is not a list of {count}")
    if not all(isinstance(label, int) and label in range(CLASSES) for label in labels):
        raise DataError(f"{place}: fine_labels holds values outside 0..{CLASSES - 1}")
    return pixels.reshape(count, CHANNELS, SIDE, SIDE), np.array(labels, np.int64)
