"""Preparing Satellite: the published files, SITS1M, Formosat-2 series, or synthetic series."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.data.raw import digest
from kit.data.split import in_order
from kit.errors import DataError
from kit.seeding import generator
from kit.task import Contents, Preparation

from .raw import STEPS, Labels, Series, read, read_table
from .sits import FOLD, read_sits
from .synthetic import COUNT as SYNTHETIC
from .synthetic import write

COUNT = {"train": 800_000, "val": 100_000, "test": 100_000}
TRAIN, TEST = "satellite_train.npy", "satellite_test.npy"
SEED = 0
# Every third date of the Formosat-2 series is used, which gives the published length.
EVERY = 3


def prepare(job: Preparation) -> Contents:
    """Return the series of a tier: x (n, 1, 46) float32, y (n,) in 0..23."""
    if job.tier == "sample":
        return _sample(job)
    if job.tier == "rebuilt":
        return _rebuilt(job)
    if job.tier == "synthetic":
        counts = {name: min(job.samples.get(name, n), n) for name, n in SYNTHETIC.items()}
        write(job.scratch, counts, SEED)
        return _published(job.scratch, counts, job, {"generator": "satellite", "seed": SEED})
    files = {name: digest(job.raw / name) for name in (TRAIN, TEST)}
    return _published(job.raw, COUNT, job, {"files": files})


def _published(
    folder: Path, counts: Mapping[str, int], job: Preparation, origin: Mapping[str, Any]
) -> Contents:
    """Read the two files; the last series of the first one are for validation."""
    first = read(folder / TRAIN, counts["train"] + counts["val"])
    job.progress(1, 2)
    second = read(folder / TEST, counts["test"])
    job.progress(2, 2)
    return _contents((first, second), in_order(counts), origin)


def _rebuilt(job: Preparation) -> Contents:
    """Read the first fold of SITS1M: the same series; it is not known if the order is the same."""
    place = job.find("sits1m.zip", "sits1m")
    tables = read_sits(place, job.progress)
    wanted = {"TRAIN": COUNT["train"] + COUNT["val"], "TEST": COUNT["test"]}
    for name, count in wanted.items():
        if len(tables[name][1]) != count:
            raise DataError(f"{FOLD.format(name)}: {len(tables[name][1])} series, not {count}")
    origin = {"files": {place.name: digest(place)}, "order": "of SITS1M's fold 1"}
    return _contents((tables["TRAIN"], tables["TEST"]), in_order(COUNT), origin)


def _sample(job: Preparation) -> Contents:
    """Return the Formosat-2 series; every fifth polygon of the training table is for validation.

    The tables have only 260 series. So each series for training and validation is used several
    times, from each possible first date; those for the test only from the first date.
    """
    folder = job.raw / "sits-formosat2"
    index, labels, polygons = read_table(folder / "train.csv")
    held_out, test_labels, _ = read_table(folder / "test.csv")
    job.progress(1, 1)
    last = (STEPS - 1) * EVERY
    starts = range(index.shape[1] - last)
    series = np.concatenate([index[:, first : first + last + 1 : EVERY] for first in starts])
    # Shuffled: the tables are sorted by class, and reduced profiles take the first samples.
    order = generator(SEED, "satellite", "sample").permutation(len(series))
    validation = np.isin(np.tile(polygons, len(starts))[order], np.unique(polygons)[::5])
    tests = generator(SEED, "satellite", "sample test").permutation(len(test_labels))
    folds = {
        "train": order[~validation],
        "val": order[validation],
        "test": len(series) + tests,
    }
    parts = (
        (series, np.tile(labels, len(starts))),
        (held_out[:, : last + 1 : EVERY], test_labels),
    )
    return _contents(parts, folds, {"files": {folder.name: digest(folder)}})


def _contents(
    parts: tuple[tuple[Series, Labels], ...],
    folds: dict[str, npt.NDArray[Any]],
    origin: Mapping[str, Any],
) -> Contents:
    x = np.concatenate([series for series, _ in parts])[:, None]
    y = np.concatenate([labels for _, labels in parts])
    arrays = {"x": x, "y": y, "unit_id": np.arange(len(y))}
    return Contents(arrays=arrays, folds=folds, origin=origin)
