"""Reading the published archive, a tar file with two pickles."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.data import archives, checks, pickles
from kit.errors import DataError

SIDE, CHANNELS, CLASSES = 32, 3, 100
FOLDER = "cifar-100-python"
Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]


class _Named(io.BytesIO):
    """The content of a member, with a name for error messages."""

    name = ""


def read(file: Path, counts: Mapping[str, int]) -> dict[str, tuple[Images, Labels]]:
    """Return images (n, 3, 32, 32) of 0..255 and fine labels (n,) of ``train`` and ``test``.

    Args:
        file: ``cifar-100-python.tar.gz``.
        counts: number of images of ``train`` (validation included) and of ``test``.

    Raises:
        DataError: the archive is damaged, or a pickle is missing or invalid.
    """
    wanted = {f"{FOLDER}/{name}": name for name in counts}
    parts = {}
    for path, stream in archives.members(file, wanted=wanted.__contains__):
        name = wanted[path]
        place = f"{file.name}: {name}"
        content = _Named(stream.readall() or b"")
        content.name = place
        parts[name] = _checked(place, pickles.load(content), counts[name])
    for name in counts:
        if name not in parts:
            raise DataError(f"{file.name}: there is no {FOLDER}/{name}")
    return parts


def _checked(place: str, content: Any, count: int) -> tuple[Images, Labels]:
    """Return images and labels of a pickle's content, after checks of their types and shapes."""
    fields = checks.fields(place, content, ("data", "fine_labels"))
    shape = (count, CHANNELS * SIDE * SIDE)
    pixels = checks.numbers(f"{place}: data", fields["data"], shape, np.uint8)
    labels = checks.labels(f"{place}: fine_labels", fields["fine_labels"], count, range(CLASSES))
    return pixels.reshape(count, CHANNELS, SIDE, SIDE), labels
