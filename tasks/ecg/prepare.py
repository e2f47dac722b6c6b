"""Preparing ECG: the published pickle, the challenge's records, a sample, or synthetic records.

A record is a 1D array at 300 Hz with one label. Windows are cut from it when they are loaded; their
stride depends on the class.
"""

from __future__ import annotations

import hashlib
import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import numpy.typing as npt

from kit.data.split import in_order
from kit.errors import DataError
from kit.task import Contents, Preparation

from . import labels
from .labels import CLASSES
from .records import Records, read_challenge, read_folder, read_pickle
from .synthetic import write_pickle

# The archive, or the folder that it makes.
ZIP = ("training2017.zip", "training2017")
# SHA-256 of all samples of the 8,528 records in order, as little-endian 16-bit integers.
SAMPLES_HASH = "8a257fb08210697a26833c6fdff5205f4e29f89aa25f02d984f2d2052309705b"
# SHA-256 of all ``.mat`` files in order, concatenated.
FILES_HASH = "c6c7397bff51625ad07413fa212ffa110de2499b1f22f3f6a57b97b0888c87a7"
COUNT = {"train": 48, "val": 12, "test": 12}


def prepare(job: Preparation) -> Contents:
    """Return all records, joined, and the folds over them."""
    if job.tier == "published":
        records = read_pickle(job.raw / "challenge2017.pkl")
    elif job.tier == "rebuilt":
        records = _rebuilt(job)
    elif job.tier == "sample":
        records = read_folder(job.raw / "ecg-cinc2017-validation", job.progress)
    else:
        counts = {name: job.samples.get(name, count) for name, count in COUNT.items()}
        records = read_pickle(write_pickle(job.scratch / "challenge2017.pkl", sum(counts.values())))
        return _contents(records, _in_order(counts), {"seed": 0, "generator": "synthetic.py"})
    job.progress(1, 1)
    origin = {"random_state": 0, **records.origin}
    contents = _contents(records, split(len(records.labels)), origin)
    return replace(contents, as_published=job.tier == "rebuilt" and _is_published(contents))


def _rebuilt(job: Preparation) -> Records:
    """Read PhysioNet's records, with the best version of labels among the raw files."""
    return read_challenge(job.find(*ZIP), job.find(*labels.FILES), job.progress)


def _is_published(contents: Contents) -> bool:
    """Tell whether samples and labels are the published ones, by their hashes."""
    whole = contents.arrays["x"].astype("<i2", copy=False)
    digest = hashlib.sha256(whole.tobytes()).hexdigest()
    return digest == SAMPLES_HASH and contents.origin.get("labels_sha256") == labels.PAPERS_HASH


def split(count: int) -> dict[str, npt.NDArray[np.int64]]:
    """Return the papers' folds of records: 80/10/10, and the 90/10 of the released final fit.

    Both are those of scikit-learn's ``train_test_split`` with ``random_state=0``, which holds out
    the head of a permutation. The released code draws the two splits independently, so
    ``90-10-test`` and ``val`` overlap by half: tuning uses half of the records of the final test.
    ``test`` is disjoint from ``train`` and ``val``.
    """
    order = np.random.RandomState(0).permutation(count)
    held_out = order[: math.ceil(0.2 * count)]
    again = np.random.RandomState(0).permutation(len(held_out))
    test = math.ceil(0.5 * len(held_out))
    final = math.ceil(0.1 * count)
    return {
        "train": order[len(held_out) :],
        "val": held_out[again[test:]],
        "test": held_out[again[:test]],
        "90-10-train": order[final:],
        "90-10-test": order[:final],
    }


def _in_order(counts: Mapping[str, int]) -> dict[str, npt.NDArray[np.int64]]:
    """Return folds of synthetic records, fold after fold; the 90/10 split has the same test."""
    folds = in_order(counts)
    folds["90-10-train"] = np.concatenate([folds["train"], folds["val"]])
    folds["90-10-test"] = folds["test"]
    return folds


def _contents(
    records: Records, folds: Mapping[str, npt.NDArray[np.int64]], origin: Mapping[str, object]
) -> Contents:
    """Return the contents for records and folds: x joined with offsets, and classes y."""
    if not records.labels:
        raise DataError("ecg: there is no record")
    lengths = [len(values) for values in records.values]
    values = np.concatenate(records.values)
    if values.dtype != np.int16:
        # The published pickle may hold floats, all of which are whole numbers of 16 bits.
        with np.errstate(invalid="ignore"):
            whole = values.astype(np.int16)
        values = whole if np.array_equal(whole, values) else values.astype(np.float32)
    arrays = {
        "x": values,
        "x-offsets": np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64),
        "y": np.array([CLASSES.index(label) for label in records.labels], np.int64),
        "unit_id": np.arange(len(records.labels)),
    }
    return Contents(arrays=arrays, folds=folds, origin={**origin, "classes": list(CLASSES)})
