"""Reading SITS1M, the primary source of the published files: a label and 46 values a line."""

from __future__ import annotations

import io
from collections.abc import Callable
from itertools import islice
from pathlib import Path, PurePosixPath

import numpy as np

from kit.data import checks
from kit.data.archives import members
from kit.errors import DataError

from .raw import CLASSES, STEPS, Labels, Series

FOLD = "SITS1M_fold1_{}.csv"
PARTS = ("TRAIN", "TEST")
# Lines that are parsed at once.
BLOCK = 50_000


def read_sits(
    place: Path, progress: Callable[[int, int], None]
) -> dict[str, tuple[Series, Labels]]:
    """Return series (n, 46) and labels (n,) in 0..23 of ``TRAIN`` and ``TEST``.

    Args:
        place: an archive or a folder with the two tables of the first fold, at any depth.
        progress: called with (done, total).

    Raises:
        DataError: a table is missing, or a line is not a label in 1..24 and 46 numbers.
    """
    names = {FOLD.format(part): part for part in PARTS}
    tables: dict[str, tuple[Series, Labels]] = {}

    def is_wanted(path: str) -> bool:
        return PurePosixPath(path).name in names and "__MACOSX" not in path

    for path, stream in members(place, wanted=is_wanted, progress=progress):
        name = PurePosixPath(path).name
        tables[names[name]] = _read(name, io.BufferedReader(stream))
    for name, part in names.items():
        if part not in tables:
            raise DataError(f"{place.name}: there is no {name}")
    return tables


def _read(name: str, stream: io.BufferedReader) -> tuple[Series, Labels]:
    """Return series and labels of a table; ``name`` is for error messages."""
    text = io.TextIOWrapper(stream, "utf-8")
    series, labels = [], []
    while True:
        try:
            lines = list(islice(text, BLOCK))
            block = np.loadtxt(lines, delimiter=",", ndmin=2) if lines else np.empty(0)
        except ValueError as error:
            raise DataError(f"{name}: not a table of numbers ({error})") from None
        if block.size == 0:
            break
        if block.shape[1] != 1 + STEPS:
            raise DataError(f"{name}: {block.shape[1]} columns, not a label and {STEPS} values")
        place = f"{name}: the first column"
        labels.append(checks.labels(place, block[:, 0], len(block), range(1, CLASSES + 1)))
        series.append(checks.finite(f"{name}: a column", block[:, 1:].astype(np.float32)))
    if not series:
        raise DataError(f"{name}: it is empty")
    return np.concatenate(series), np.concatenate(labels)
