"""Preparing DeepSEA: the published archive, the original bundle, peaks, or synthetic sequences."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from kit.data.raw import digest
from kit.data.split import in_order
from kit.seeding import generator
from kit.task import Contents, Preparation

from . import bundle, fasta
from .raw import LABELS, read
from .synthetic import COUNT as SYNTHETIC
from .synthetic import write

COUNT = {"train": 71_753, "val": 2_490, "test": 149_400}
FILE, SEED = "deepsea_filtered.npz", 0
# Chromosome for validation; DeepSEA validates on it too.
VALIDATION = "chr7"


def prepare(job: Preparation) -> Contents:
    """Return the sequences of a tier: x (n, 1, 1000) indices of bases, y (n, 36) of 0 and 1."""
    if job.tier == "sample":
        return _sample(job)
    if job.tier == "rebuilt":
        return _rebuilt(job)
    if job.tier == "synthetic":
        counts = {name: min(job.samples.get(name, n), n) for name, n in SYNTHETIC.items()}
        write(job.scratch / FILE, counts, SEED)
        return _published(job.scratch, counts, job, {"generator": "deepsea", "seed": SEED})
    return _published(job.raw, COUNT, job, {"files": {FILE: digest(job.raw / FILE)}})


def _published(
    folder: Path, counts: Mapping[str, int], job: Preparation, origin: Mapping[str, Any]
) -> Contents:
    """Return the three published folds, joined in their order."""
    fields = read(folder / FILE, counts, job.progress)
    arrays = {
        letter: np.concatenate([fields.pop(f"{letter}_{name}") for name in counts])
        for letter in "xy"
    }
    arrays["unit_id"] = np.arange(sum(counts.values()))
    return Contents(arrays=arrays, folds=in_order(counts), origin=origin)


def _rebuilt(job: Preparation) -> Contents:
    """Return the original bundle's sequences with the labels that the user has listed."""
    parts = bundle.read(job)
    x, y = (np.concatenate([part[number] for part in parts.values()]) for number in (0, 1))
    counts = {name: len(part[0]) for name, part in parts.items()}
    origin = {"labels": bundle.read_labels(job.raw / bundle.LIST), "every": bundle.EVERY}
    arrays = {"x": x, "y": y, "unit_id": np.arange(len(y))}
    return Contents(arrays=arrays, folds=in_order(counts), origin=origin)


def _sample(job: Preparation) -> Contents:
    """Return sequences at peaks of Oct4, with all even labels, and of Mafk, with all odd labels.

    With only two labels in use and 34 always 0, the loss would have almost nothing to learn from.
    """
    (wheel,) = job.raw.glob("janggu-*.whl")
    names = ("sample", "sample2", "sample_test", "sample2_test")
    files = fasta.read(wheel, names)
    job.progress(1, 1)
    x = np.concatenate([files[name][0] for name in names])
    chromosomes = np.concatenate([files[name][1] for name in names])
    origins = np.concatenate([np.full(len(files[name][0]), i) for i, name in enumerate(names)])
    y = (np.arange(LABELS) % 2 == origins[:, None] % 2).astype(np.uint8)
    # Shuffled: the files have one factor each, and reduced profiles take the first samples.
    order = generator(SEED, "deepsea", "sample").permutation(len(x))
    tests, validation = origins[order] >= 2, chromosomes[order] == VALIDATION
    folds = {
        "train": order[~tests & ~validation],
        "val": order[~tests & validation],
        "test": order[tests],
    }
    arrays = {"x": x, "y": y, "unit_id": np.arange(len(x))}
    return Contents(arrays=arrays, folds=folds, origin={"files": {wheel.name: digest(wheel)}})
