"""Preparing Cosmic: deepCR's ACS/WFC stamps, or synthetic stamps in archives of the same format.

Stamps are sorted by path; the last tenth of the training archive is for validation.
"""

from __future__ import annotations

from collections import Counter

import numpy as np

from kit.data.split import in_order
from kit.task import Contents, Preparation

from .stamps import read_stamps
from .synthetic import write_archive
from .visits import FILTER, chosen

ARCHIVES = {"train": "deepCR.ACS-WFC.train.tar", "test": "deepCR.ACS-WFC.test.tar"}
COUNT = {"train": 48, "val": 12, "test": 16}


def prepare(job: Preparation) -> Contents:
    """Return all stamps of the chosen visits, and the folds over them."""
    raw, places = job.raw, list(ARCHIVES.values())
    counts = {name: job.samples.get(name, count) for name, count in COUNT.items()}
    if job.tier == "synthetic":
        raw = job.scratch
        write_archive(raw / ARCHIVES["train"], "train", counts["train"] + counts["val"])
        write_archive(raw / ARCHIVES["test"], "test", counts["test"])
    choice, visits = chosen(raw)
    if job.tier == "rebuilt":
        folders = [f"zenodo/npy_{fold}" for fold in ARCHIVES]
        places = [
            str(job.find(f"zenodo/{file}", folder))
            for file, folder in zip(places, folders, strict=True)
        ]
    train, test = (read_stamps(raw / file, visits, job.progress) for file in places)
    split = counts["train"] if job.tier == "synthetic" else int(len(train.sky) * 0.9)
    total = len(train.sky) + len(test.sky)
    arrays = {
        "x": np.concatenate([train.image, test.image]),
        "y": np.concatenate([train.rays, test.rays]),
        "mask": np.concatenate([train.counted, test.counted]),
        "sky": np.concatenate([train.sky, test.sky]),
        "unit_id": np.arange(total),
    }
    folds = in_order({"train": split, "val": len(train.sky) - split, "test": len(test.sky)})
    origin = {
        "filter": FILTER,
        "choice": choice,
        "visits": dict(sorted(Counter(train.visit + test.visit).items())),
    }
    return Contents(arrays=arrays, folds=folds, origin=origin)
