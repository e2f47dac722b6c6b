"""Preparing Sequential MNIST: images from idx files, flattened row by row.

The last sixth of the training file is for validation.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from kit.errors import DataError
from kit.files import sha256
from kit.seeding import generator
from kit.task import Contents, Preparation

from .idx import read, write

COUNT = {"train": 400, "val": 100, "test": 200}


def prepare(job: Preparation) -> Contents:
    """Return the images of a tier: x (n, 1, 784) of 0..255, y (n,) in 0..9."""
    folder = job.raw
    if job.tier == "sample":
        folder = job.raw / "fashion-mnist"
    elif job.tier == "synthetic":
        folder = job.scratch
        _synthesise(folder)
    train, train_labels = _pair(folder, "train")
    test, test_labels = _pair(folder, "t10k")
    held_out = len(train) // 6 if len(train) > 1000 else COUNT["val"]
    numbers = np.arange(len(train) + len(test))
    parts = np.split(numbers, [len(train) - held_out, len(train)])
    folds = {
        name: part[: job.samples.get(name)]
        for name, part in zip(("train", "val", "test"), parts, strict=True)
    }
    job.progress(1, 1)
    return Contents(
        arrays={
            "x": np.concatenate([train, test]).reshape(len(numbers), 1, 784),
            "y": np.concatenate([train_labels, test_labels]).astype(np.int64),
            "unit_id": numbers,
        },
        folds=folds,
        origin={"files": {file.name: sha256(file) for file in sorted(folder.glob("*.gz"))}},
    )


def _pair(folder: Path, part: str) -> tuple[npt.NDArray[np.uint8], npt.NDArray[np.uint8]]:
    """Return images (n, 28, 28) and labels (n,) of ``train`` or ``t10k``."""
    images = read(folder / f"{part}-images-idx3-ubyte.gz", 3)
    labels = read(folder / f"{part}-labels-idx1-ubyte.gz", 1)
    if images.shape[1:] != (28, 28):
        raise DataError(f"{part}-images-idx3-ubyte.gz: images of {images.shape[1:]}, not (28, 28)")
    if len(images) != len(labels):
        raise DataError(f"{part}: {len(images)} images, {len(labels)} labels")
    if len(labels) and labels.max() > 9:
        raise DataError(f"{part}-labels-idx1-ubyte.gz: label {labels.max()} is not in 0..9")
    return images, labels


def _synthesise(folder: Path) -> None:
    """Write synthetic images in the raw format: a bright bar whose row depends on the label."""
    for part, count in (("train", COUNT["train"] + COUNT["val"]), ("t10k", COUNT["test"])):
        random = generator(0, "sequential-mnist", part)
        labels = random.integers(0, 10, count, dtype=np.uint8)
        images = random.integers(0, 60, (count, 28, 28), dtype=np.uint8)
        for offset in (4, 5):
            images[np.arange(count), 2 * labels + offset] += 180
        write(folder / f"{part}-images-idx3-ubyte.gz", images)
        write(folder / f"{part}-labels-idx1-ubyte.gz", labels)
