"""Synthetic sequences with motifs, written in the format of the published archive."""

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

    Each label has a motif of twelve bases. A sequence has each label with probability 0.15, and
    then four copies of its motif at random places.
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
