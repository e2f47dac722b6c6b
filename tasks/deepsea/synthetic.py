"""Made-up sequences with motifs, written as the published archive is."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from kit.seeding import generator

from .raw import BASES, LABELS, LENGTH

COUNT = {"train": 480, "val": 96, "test": 192}
MOTIF, COPIES, SHARE = 12, 4, 0.15


def write(file: Path, counts: Mapping[str, int], seed: int) -> None:
    """Write ``deepsea_filtered.npz``.

    A label is a motif of twelve bases: a sequence that has the label, as 15 per cent do, has four
    copies of it somewhere.
    """
    motifs = generator(seed, "deepsea", "motifs").integers(0, BASES, (LABELS, MOTIF))
    arrays = {}
    for name, count in counts.items():
        random = generator(seed, "deepsea", name)
        labels = random.random((count, LABELS)) < SHARE
        bases = random.integers(0, BASES, (count, LENGTH))
        for row, label in np.argwhere(labels):
            for start in random.integers(0, LENGTH - MOTIF, COPIES):
                bases[row, start : start + MOTIF] = motifs[label]
        arrays[f"x_{name}"] = np.eye(BASES, dtype=np.uint8)[bases]
        arrays[f"y_{name}"] = labels.astype(np.uint8)
    np.savez(file, allow_pickle=False, **arrays)
