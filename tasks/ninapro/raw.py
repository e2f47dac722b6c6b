"""Reading the published windows and labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.data.pickles import load_npy
from kit.errors import DataError

STEPS, ELECTRODES, CLASSES = 52, 16, 18
Labels = npt.NDArray[np.int64]


def read(folder: Path, fold: str, count: int) -> tuple[npt.NDArray[Any], Labels]:
    """Return windows (count, 1, 16, 52) and labels (count,) in 0..17 of one published fold.

    The files have time before electrodes. Integers of up to 16 bits stay what they are, anything
    wider is kept as float32, which is what every network gets.

    Raises:
        DataError: a file is damaged, or it does not hold what it should.
    """
    file = folder / f"ninapro_{fold}.npy"
    windows = _numbers(file)
    if windows.shape != (count, STEPS, ELECTRODES):
        raise DataError(
            f"{file.name}: windows are {windows.shape}, not ({count}, {STEPS}, {ELECTRODES})"
        )
    if windows.dtype not in (np.int8, np.uint8, np.int16):
        windows = windows.astype(np.float32)
        if not np.isfinite(windows).all():
            raise DataError(f"{file.name}: windows hold values that are not finite")
    return windows.transpose(0, 2, 1)[:, None], _labels(folder / f"label_{fold}.npy", count)


def _labels(file: Path, count: int) -> Labels:
    labels = _numbers(file)
    if labels.shape != (count,):
        raise DataError(f"{file.name}: labels are {labels.shape}, not ({count},)")
    if not np.isin(labels, np.arange(CLASSES)).all():
        raise DataError(f"{file.name}: labels hold values outside 0..{CLASSES - 1}")
    return labels.astype(np.int64)


def _numbers(file: Path) -> npt.NDArray[Any]:
    content = load_npy(file)
    if content.dtype.kind == "O":
        # The released code allows for pickled files, so numbers may come as objects.
        try:
            content = content.astype(np.float64)
        except (TypeError, ValueError):
            raise DataError(f"{file.name}: it holds objects that are not numbers") from None
    if content.dtype.kind not in "iuf":
        raise DataError(f"{file.name}: it holds {content.dtype}, not numbers")
    return content
