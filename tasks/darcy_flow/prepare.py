"""Darcy Flow's data: the published MATLAB files, or the same recipe with an own draw.

Both give 1000 training pairs (900 + 100 for validation) and 100 test pairs of coefficient and
pressure at every fifth node of a 421 x 421 grid.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kit.data.parallel import parallel
from kit.data.split import in_order
from kit.files import replacing, sha256
from kit.seeding import generator
from kit.task import Contents, Preparation

from .field import coefficient
from .matlab import read_pairs
from .solver import solve

GRID, STRIDE, SEED = 421, 5, 0
FIRST = {"train": 0, "val": 900, "test": 1000}
COUNT = {"train": 900, "val": 100, "test": 100}
Pairs = npt.NDArray[np.float32]


def prepare(job: Preparation) -> Contents:
    """Return the pairs of the published files or of the generator."""
    return _published(job) if job.tier == "published" else _regenerated(job)


def _published(job: Preparation) -> Contents:
    train, test = sorted(job.raw.glob("*.mat"))
    parts = [
        read_pairs(train, COUNT["train"] + COUNT["val"], STRIDE),
        read_pairs(test, COUNT["test"], STRIDE),
    ]
    job.progress(1, 1)
    origin = {"files": {file.name: sha256(file) for file in (train, test)}}
    return _contents(np.concatenate(parts), _counts({}), {**origin, "stride": STRIDE})


def _regenerated(job: Preparation) -> Contents:
    counts = _counts(job.samples)
    numbers = [FIRST[fold] + i for fold, count in counts.items() for i in range(count)]
    todo = [number for number in numbers if not _part(job.scratch, number).exists()]
    done = len(numbers) - len(todo)
    job.progress(done, len(numbers))
    for _ in parallel(_generate, [(job.scratch, number) for number in todo], job.workers):
        done += 1
        job.progress(done, len(numbers))
    pairs = np.stack([np.load(_part(job.scratch, number)) for number in numbers])
    origin = {"seed": SEED, "grid": GRID, "stride": STRIDE, "values": [12, 3]}
    return _contents(pairs, counts, origin)


def generate(number: int) -> Pairs:
    """Return pair ``number`` as (2, 85, 85): coefficient and pressure.

    It depends on nothing but its number, so any part of the data can be made alone, in any order.
    """
    a = coefficient(generator(SEED, "darcy-flow", number), GRID)
    kept = np.s_[::STRIDE, ::STRIDE]
    return np.stack([a[kept], solve(a)[kept]]).astype(np.float32)


def _generate(scratch: Path, number: int) -> None:
    with replacing(_part(scratch, number)) as stream:
        np.save(stream, generate(number))


def _part(scratch: Path, number: int) -> Path:
    return scratch / f"pair-{number:04d}.npy"


def _counts(samples: Mapping[str, int]) -> dict[str, int]:
    return {fold: min(samples.get(fold, count), count) for fold, count in COUNT.items()}


def _contents(pairs: Pairs, counts: Mapping[str, int], origin: Mapping[str, object]) -> Contents:
    """Label pairs that stand in the order train, val, test."""
    numbers = np.concatenate([FIRST[name] + np.arange(count) for name, count in counts.items()])
    arrays = {"x": pairs[:, :1], "y": pairs[:, 1:], "unit_id": numbers}
    return Contents(arrays=arrays, folds=in_order(counts), origin=origin)
