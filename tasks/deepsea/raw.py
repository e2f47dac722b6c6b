"""Reading the published archive; one-hot bases are converted to indices block by block."""

from __future__ import annotations

import io
import math
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Literal

import numpy as np
import numpy.typing as npt

from kit.data import archives, npy
from kit.errors import DataError

LENGTH, BASES, LABELS = 1000, 4, 36
# Index of an unknown base, whose one-hot column is four zeros.
UNKNOWN = 4
# Samples that are read at once.
BLOCK = 2048
FOLDS = ("train", "val", "test")
Bytes = npt.NDArray[np.uint8]


def read(
    file: Path,
    counts: Mapping[str, int],
    progress: Callable[[int, int], None] = lambda *_: None,
) -> dict[str, Bytes]:
    """Return ``x_<fold>`` (n, 1, 1000), indices of bases or 4, and ``y_<fold>`` (n, 36) of 0, 1.

    The order of the bases is that of the file. Of its 860 MB only a block is in memory at a time.

    Args:
        file: the ``.npz`` file.
        counts: number of samples of each fold.
        progress: called with (done, total).

    Raises:
        DataError: the archive is damaged, or a field is missing or invalid.
    """
    wanted = {f"{letter}_{fold}.npy" for letter in "xy" for fold in FOLDS}
    arrays = {}
    for name, stream in archives.members(file, wanted=wanted.__contains__, progress=progress):
        place, (letter, fold) = f"{file.name}: {name[:-4]}", name[:-4].split("_")
        row = (LENGTH, BASES) if letter == "x" else (LABELS,)
        rows = _Rows(place, io.BufferedReader(stream), (counts[fold], *row))
        arrays[name[:-4]] = rows.indices() if letter == "x" else rows.labels()
    for name in sorted(wanted):
        if name[:-4] not in arrays:
            raise DataError(f"{file.name}: there is no field {name[:-4]!r}")
    return arrays


class _Rows:
    """One array in the archive, read in blocks of samples."""

    def __init__(self, place: str, stream: io.BufferedReader, wanted: tuple[int, ...]) -> None:
        self.place, self.stream, self.shape = place, stream, wanted
        with npy.told(place):
            header = npy.header(stream)
        self.fortran, self.dtype = header.order == "F", header.dtype
        if header.shape != wanted or self.dtype.kind not in "biuf":
            raise DataError(f"{place} is {self.dtype} {header.shape}, not numbers {wanted}")

    def indices(self) -> Bytes:
        """Return the indices of bases: (n, 1, 1000)."""
        indices = np.empty((self.shape[0], 1, LENGTH), np.uint8)
        for start, block in self._blocks():
            if (block.sum(axis=-1) > 1).any():
                raise DataError(f"{self.place} holds positions with more than one base")
            letters = np.where(block.any(axis=-1), block.argmax(axis=-1), UNKNOWN)
            indices[start : start + len(block), 0] = letters
        return indices

    def labels(self) -> Bytes:
        """Return the labels: (n, 36) of 0 and 1."""
        return np.concatenate([block for _, block in self._blocks()]).astype(np.uint8)

    def _blocks(self) -> Iterator[tuple[int, npt.NDArray[np.bool_]]]:
        """Yield (first row, rows as booleans)."""
        count, *row = self.shape
        # Column-major arrays have the samples last, so they are read as a whole.
        size = count if self.fortran else BLOCK
        for start in range(0, count, size):
            rows = min(size, count - start)
            wanted = rows * math.prod(row) * self.dtype.itemsize
            content = self.stream.read(wanted)
            if len(content) != wanted:
                raise DataError(f"{self.place} ends too early")
            order: Literal["F", "C"] = "F" if self.fortran else "C"
            with npy.told(self.place):
                values = npy.flat(content, self.dtype, (rows, *row), order)
            ones = values == 1
            if not (ones | (values == 0)).all():
                raise DataError(f"{self.place} holds values other than 0 and 1")
            yield start, ones
        if self.stream.read(1):
            raise DataError(f"{self.place} has more bytes than its shape")
