"""Windows of synthetic gestures, written in the format of the published files."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kit.seeding import generator

from .raw import CLASSES, ELECTRODES, STEPS

COUNT = {"train": 640, "val": 160, "test": 160}
NEUTRAL = 0.65


def write(folder: Path, counts: Mapping[str, int], seed: int) -> None:
    """Write ``ninapro_<fold>.npy`` and ``label_<fold>.npy``.

    Signals are noise that swells and fades. A gesture is a pattern of its strength over the
    electrodes; 65 per cent of the windows are the neutral position.
    """
    strengths = generator(seed, "ninapro", "classes").uniform(2, 30, (CLASSES, ELECTRODES))
    strengths[0] = 2.0
    for name, count in counts.items():
        random = generator(seed, "ninapro", name)
        label = 1 + random.permutation(np.arange(count) % (CLASSES - 1))
        label[random.permutation(count)[: int(NEUTRAL * count)]] = 0
        swell = np.sin(np.linspace(0.3, np.pi - 0.3, STEPS) + random.uniform(-0.3, 0.3, (count, 1)))
        noise = random.standard_normal((count, STEPS, ELECTRODES))
        np.save(folder / f"ninapro_{name}.npy", noise * swell[..., None] * strengths[label, None])
        np.save(folder / f"label_{name}.npy", label)
