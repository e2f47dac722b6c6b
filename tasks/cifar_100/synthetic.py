"""Synthetic images, written in the format of the published archive."""

from __future__ import annotations

import io
import pickle
import tarfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kit.seeding import generator

from .raw import CHANNELS, CLASSES, FOLDER, SIDE, Images, Labels

COUNT = {"train": 800, "val": 200, "test": 200}
COLOURS = ANGLES = 10
assert COLOURS * ANGLES == CLASSES


def images(count: int, seed: int, *stream: str) -> tuple[Images, Labels]:
    """Return images (count, 3, 32, 32) and labels (count,).

    Each class is a pair of one of ten colours and one of ten directions of stripes; the phase of
    the stripes, the brightness and the noise vary.
    """
    random = generator(seed, "cifar-100", *stream)
    labels = random.permutation(np.arange(count) % CLASSES)
    hue = 2 * np.pi * (labels // ANGLES)[:, None] / COLOURS + np.arange(CHANNELS) * 2 * np.pi / 3
    angle = np.pi * (labels % ANGLES) / ANGLES
    rows, columns = np.mgrid[:SIDE, :SIDE]
    place = np.cos(angle)[:, None, None] * columns + np.sin(angle)[:, None, None] * rows
    stripes = np.cos(2 * np.pi * place / 8 + random.uniform(0, 2 * np.pi, (count, 1, 1)))
    colour = 128 + 60 * np.cos(hue) + random.uniform(-10, 10, (count, 1))
    pixels = colour[:, :, None, None] + 40 * stripes[:, None]
    pixels += random.normal(0, 10, pixels.shape)
    return np.clip(pixels, 0, 255).astype(np.uint8), labels.astype(np.int64)


def write(file: Path, counts: Mapping[str, int], seed: int) -> None:
    """Write ``cifar-100-python.tar.gz``: ``train`` (train, then val) and ``test``."""
    sizes = {"train": counts["train"] + counts["val"], "test": counts["test"]}
    with tarfile.open(file, "w:gz", compresslevel=1) as archive:
        for name, count in sizes.items():
            pixels, labels = images(count, seed, name)
            fields = {"data": pixels.reshape(count, -1), "fine_labels": labels.tolist()}
            content = pickle.dumps(fields, protocol=2)
            member = tarfile.TarInfo(f"{FOLDER}/{name}")
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
