"""Published facts about ECG, and facts measured on all 8,528 records."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator

import numpy as np

from kit.data.facts import Fact, fact
from kit.data.prepared import Prepared
from kit.task import Task

from .labels import CLASSES, PAPERS, PAPERS_HASH, VERSIONS
from .prepare import FILES_HASH, SAMPLES_HASH

RECORDS = {"train": 6_822, "val": 853, "test": 853}
# Windows of the released code's final fit and test, measured with labels of version 3.
FINAL = {"90-10-train": 296_044, "90-10-test": 32_471}
MEASURED = "measured on a public copy of the records"


def facts(task: Task, data: Prepared) -> Iterator[Fact]:
    """Yield windows and records of each fold, classes, lengths, moments and hashes."""
    strides, window = task.rules["window_strides"], task.rules["window"]
    y = np.asarray(data.array("y"))
    lengths = np.diff(data.array("x-offsets"))

    def windows(fold: str) -> int:
        rows = data.fold(fold)
        counts = -(-(lengths[rows] - window) // np.array(strides)[y[rows]])
        return int(np.maximum(counts, 0).sum())

    assert task.about is not None, "both papers print its sizes"
    for name, size in task.about.sizes.items():
        yield fact(f"windows of {name}", size, windows(name), where="NAS-Bench-360")
    for name, size in FINAL.items():
        yield fact(f"windows of {name}", size, windows(name), where=MEASURED)
    for name, size in RECORDS.items():
        yield fact(f"records of {name}", size, len(data.fold(name)), where=MEASURED)
    counts = next(counts for counts, version in VERSIONS.items() if version == PAPERS)
    present = tuple(np.bincount(y, minlength=len(CLASSES)).tolist())
    yield fact(f"records of {' / '.join(CLASSES)}", counts, present, where="labels of version 3")
    x = np.asarray(data.array("x"))
    for what, expected, value in (
        ("shortest and longest record", (2_714, 18_286), (int(lengths.min()), int(lengths.max()))),
        ("records of 9,000 samples", 5_977, int((lengths == 9_000).sum())),
        ("samples", 83_141_521, len(x)),
        ("sum of all samples", 626_535_622, int(x.sum(dtype=np.int64))),
        ("lowest and highest sample", (-10_636, 8_318), (int(x.min()), int(x.max()))),
    ):
        yield fact(what, expected, value, where=MEASURED)
    digest = hashlib.sha256(x.astype("<i2", copy=False).tobytes()).hexdigest()
    yield fact("SHA-256 of all samples", SAMPLES_HASH, digest, where=MEASURED)
    origin = data.manifest.origin
    if "labels_sha256" in origin:
        yield fact("SHA-256 of the labels", PAPERS_HASH, origin["labels_sha256"])
        yield fact("SHA-256 of the files", FILES_HASH, origin["files_sha256"], where=MEASURED)
