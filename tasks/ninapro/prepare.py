"""Preparing NinaPro: the published windows, those of a Myo armband, or synthetic windows."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.data.raw import digest
from kit.data.split import in_order
from kit.seeding import generator
from kit.task import Contents, Preparation

from . import myo
from .raw import read
from .synthetic import COUNT as SYNTHETIC
from .synthetic import write

COUNT = {"train": 2638, "val": 659, "test": 659}
SEED = 0


def prepare(job: Preparation) -> Contents:
    """Return the windows of a tier: x (n, 1, 16, 52), y (n,) in 0..17."""
    if job.tier == "sample":
        return _sample(job)
    if job.tier == "synthetic":
        counts = {name: min(job.samples.get(name, n), n) for name, n in SYNTHETIC.items()}
        write(job.scratch, counts, SEED)
        return _published(job.scratch, counts, job, {"generator": "ninapro", "seed": SEED})
    files = {file.name: digest(file) for file in sorted(job.raw.glob("*.npy"))}
    return _published(job.raw, COUNT, job, {"files": files})


def _published(
    folder: Path, counts: Mapping[str, int], job: Preparation, origin: Mapping[str, Any]
) -> Contents:
    """Return the three published folds, joined in their order."""
    parts = []
    for done, (name, count) in enumerate(counts.items(), start=1):
        parts.append(read(folder, name, count))
        job.progress(done, len(counts))
    arrays = {
        "x": np.concatenate([windows for windows, _ in parts]),
        "y": np.concatenate([labels for _, labels in parts]),
        "unit_id": np.arange(sum(counts.values())),
    }
    return Contents(arrays=arrays, folds=in_order(counts), origin=origin)


def _sample(job: Preparation) -> Contents:
    """Return a fold for each repetition of the gestures, since windows of a recording overlap.

    Before the last repetition the armband was turned, so it is a further fold, ``turned``.
    """
    (archive,) = job.raw.glob("libemg-*.tar.gz")
    x, y, repetitions = myo.read(archive)
    job.progress(1, 1)
    # Shuffled: recordings are stored one after the other, and reduced profiles take the first
    # samples.
    order = generator(SEED, "ninapro", "sample").permutation(len(x))
    folds = {
        name: order[repetitions[order] == number]
        for number, name in enumerate(("train", "val", "test", "turned"))
    }
    arrays: dict[str, npt.NDArray[Any]] = {
        "x": x,
        "y": y.astype(np.int64),
        "unit_id": np.arange(len(x)),
    }
    return Contents(arrays=arrays, folds=folds, origin={"files": {archive.name: digest(archive)}})
