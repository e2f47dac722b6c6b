"""Reading and writing the published file: a packed pickle of two dictionaries."""

from __future__ import annotations

import gzip
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.data import pickles
from kit.errors import DataError

SIDE, CHANNELS, CLASSES = 60, 3, 100
Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Parts = dict[str, tuple[Images, Labels]]


def read(file: Path, counts: Mapping[str, int]) -> Parts:
    """Return images (n, 3, 60, 60) of 0..255 and labels (n,) of ``train`` and ``test``.

    Args:
        file: ``s2_cifar100.gz``.
        counts: images of ``train`` (validation included) and of ``test``.

    Raises:
        DataError: the file is damaged, or a field is missing or not what it should be.
    """
    content = pickles.load(file)
    return {name: _checked(file.name, content, name, count) for name, count in counts.items()}


def _checked(file: str, content: Any, part: str, count: int) -> tuple[Images, Labels]:
    if not isinstance(content, dict) or not isinstance(content.get(part), dict):
        raise DataError(f"{file}: there is no dictionary {part!r}")
    for name in ("images", "labels"):
        if name not in content[part]:
            raise DataError(f"{file}: {part} has no field {name!r}")
    images, labels = (np.asarray(content[part][name]) for name in ("images", "labels"))
    wanted = (count, CHANNELS, SIDE, SIDE)
    if images.dtype != np.uint8 or images.shape != wanted:
        raise DataError(
            f"{file}: {part} images are {images.dtype} {images.shape}, not uint8 {wanted}"
        )
    if labels.shape != (count,):
        raise DataError(f"{file}: {part} labels are {labels.shape}, not ({count},)")
    if not np.isin(labels, np.arange(CLASSES)).all():
        raise DataError(f"{file}: {part} labels hold values outside 0..{CLASSES - 1}")
    return images, labels.astype(np.int64)


def write(file: Path, parts: Parts) -> None:
    """Write a file as the published one is."""
    content = {
        name: {"images": images, "labels": labels} for name, (images, labels) in parts.items()
    }
    with gzip.open(file, "wb", compresslevel=1) as stream:
        pickle.dump(content, stream)
