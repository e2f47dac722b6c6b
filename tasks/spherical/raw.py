"""Reading and writing the published file: a gzipped pickle of two dictionaries."""

from __future__ import annotations

import gzip
import pickle
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.data import checks, pickles

SIDE, CHANNELS, CLASSES = 60, 3, 100
Images = npt.NDArray[np.uint8]
Labels = npt.NDArray[np.int64]
Parts = dict[str, tuple[Images, Labels]]


def read(file: Path, counts: Mapping[str, int]) -> Parts:
    """Return images (n, 3, 60, 60) of 0..255 and labels (n,) of ``train`` and ``test``.

    Args:
        file: ``s2_cifar100.gz``.
        counts: number of images of ``train`` (validation included) and of ``test``.

    Raises:
        DataError: the file is damaged, or a field is missing or invalid.
    """
    content = pickles.load(file)
    return {name: _checked(file.name, content, name, count) for name, count in counts.items()}


def _checked(file: str, content: Any, part: str, count: int) -> tuple[Images, Labels]:
    """Return images and labels of one part, after checks of their types and shapes."""
    place = f"{file}: {part}"
    fields = checks.fields(place, checks.fields(file, content, (part,))[part], ("images", "labels"))
    shape = (count, CHANNELS, SIDE, SIDE)
    images = checks.numbers(f"{place}: images", fields["images"], shape, np.uint8)
    return images, checks.labels(f"{place}: labels", fields["labels"], count, range(CLASSES))


def write(file: Path, parts: Parts) -> None:
    """Write a file in the format of the published one."""
    content = {
        name: {"images": images, "labels": labels} for name, (images, labels) in parts.items()
    }
    with gzip.open(file, "wb", compresslevel=1) as stream:
        pickle.dump(content, stream)
