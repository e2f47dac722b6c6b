"""Synthetic photographs in class folders: a class has a colour, its position and size vary."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kit.files import write_bytes
from kit.seeding import generator

from .load import pillow

COUNT = {"train": 400, "val": 100, "test": 200}
# Few classes, so that small folds have several images of each.
CLASSES = 8


def write(root: Path, counts: Mapping[str, int]) -> None:
    """Write JPEG files into ``train/<class>`` (train and val) and ``val/<class>`` (test)."""
    for fold, count in (("train", counts["train"] + counts["val"]), ("val", counts["test"])):
        for number in range(count):
            label = number % CLASSES
            file = root / fold / f"c{label:04d}" / f"{number:06d}.JPEG"
            if not file.exists():
                write_bytes(file, _photograph(label, fold, number))


def _photograph(label: int, fold: str, number: int) -> bytes:
    """Return a JPEG file of a rectangle in the class's colour on a noisy background."""
    random = generator(0, "imagenet-1k", fold, number)
    height, width = random.integers(60, 120, 2)
    pixels = random.normal(110, 25, (height, width, 3))
    colour = np.array([label & 1, label >> 1 & 1, label >> 2 & 1]) * 180 + 40
    top, left = random.integers(0, height // 3), random.integers(0, width // 3)
    pixels[top : top + height // 2, left : left + width // 2] = colour
    stream = io.BytesIO()
    pillow().fromarray(np.clip(pixels, 0, 255).astype(np.uint8)).save(stream, "JPEG", quality=90)
    return stream.getvalue()
