"""Series of synthetic land covers, written in the format of the published files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kit.seeding import generator

from .raw import CLASSES, STEPS

COUNT = {"train": 960, "val": 240, "test": 240}


def write(folder: Path, counts: Mapping[str, int], seed: int) -> None:
    """Write ``satellite_train.npy`` (train, then val) and ``satellite_test.npy``.

    Each class has a seasonal curve of three harmonics. A series is the curve of its class, shifted
    by up to two steps, with its own level and scale, and noise.
    """
    random = generator(seed, "satellite", "classes")
    amplitudes = random.normal(size=(CLASSES, 3)) / np.arange(1, 4)
    phases = random.uniform(0, 2 * np.pi, (CLASSES, 3))
    for name, folds in (("train", ("train", "val")), ("test", ("test",))):
        count = sum(counts[fold] for fold in folds)
        random = generator(seed, "satellite", name)
        label = random.permutation(np.arange(count) % CLASSES)
        time = np.arange(STEPS) + random.uniform(-2, 2, (count, 1))
        angles = 2 * np.pi * np.arange(1, 4) * time[..., None] / STEPS
        curve = (amplitudes[label, None] * np.sin(angles + phases[label, None])).sum(axis=-1)
        level, scale = random.normal(0, 0.3, (count, 1)), random.uniform(0.5, 1.5, (count, 1))
        data = level + scale * curve + random.normal(0, 0.1, curve.shape)
        content = np.array({"data": data, "label": label + 1}, dtype=object)
        np.save(folder / f"satellite_{name}.npy", content)
