"""Preparing CIFAR-100: the published archive, twenty of its images, or synthetic images."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.data.raw import digest
from kit.data.split import in_order
from kit.task import Contents, Preparation

from .images import read as read_images
from .raw import Images, Labels, read
from .synthetic import COUNT as SYNTHETIC
from .synthetic import write

COUNT = {"train": 40_000, "val": 10_000, "test": 10_000}
SAMPLE = {"train": 12, "val": 4, "test": 4}
FILE, SEED = "cifar-100-python.tar.gz", 0


def prepare(job: Preparation) -> Contents:
    """Return the images of a tier: x (n, 3, 32, 32) of 0..255, y (n,) in 0..99."""
    if job.tier == "sample":
        (wheel,) = job.raw.glob("foolbox-*.whl")
        x, y = read_images(wheel)
        job.progress(1, 1)
        return _contents(x, y, SAMPLE, {"files": {wheel.name: digest(wheel)}})
    if job.tier == "synthetic":
        counts = {name: min(job.samples.get(name, n), n) for name, n in SYNTHETIC.items()}
        write(job.scratch / FILE, counts, SEED)
        return _published(job.scratch, counts, job, {"generator": "cifar-100", "seed": SEED})
    return _published(job.raw, COUNT, job, {"files": {FILE: digest(job.raw / FILE)}})


def _published(
    folder: Path, counts: Mapping[str, int], job: Preparation, origin: Mapping[str, Any]
) -> Contents:
    """Read the archive, whose ``train`` has the images for training, then those for validation."""
    sizes = {"train": counts["train"] + counts["val"], "test": counts["test"]}
    parts = read(folder / FILE, sizes)
    job.progress(1, 1)
    x = np.concatenate([parts[name][0] for name in sizes])
    return _contents(x, np.concatenate([parts[name][1] for name in sizes]), counts, origin)


def _contents(
    x: Images, y: Labels, counts: Mapping[str, int], origin: Mapping[str, Any]
) -> Contents:
    """Return the contents; samples are in the order of the folds."""
    arrays: dict[str, npt.NDArray[Any]] = {"x": x, "y": y, "unit_id": np.arange(len(y))}
    return Contents(arrays=arrays, folds=in_order(counts), origin=origin)
