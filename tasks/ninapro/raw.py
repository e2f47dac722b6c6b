"""Reading the published windows and labels."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.data import checks
from kit.data.pickles import load_npy

STEPS, ELECTRODES, CLASSES = 52, 16, 18
Labels = npt.NDArray[np.int64]


def read(folder: Path, fold: str, count: int) -> tuple[npt.NDArray[Any], Labels]:
    """Return windows (count, 1, 16, 52) and labels (count,) in 0..17 of one published fold.

    The files have time before electrodes. Integers of up to 16 bits stay what they are, anything
    wider is kept as float32, which is what every network gets.

    Raises:
        DataError: a file is damaged, or it does not hold what it should.
    """
    file, place = folder / f"ninapro_{fold}.npy", f"ninapro_{fold}.npy: windows"
    # The released code allows for pickled files, so numbers may come as objects.
    windows = checks.numbers(place, load_npy(file), (count, STEPS, ELECTRODES))
    if windows.dtype not in (np.int8, np.uint8, np.int16):
        windows = checks.finite(place, windows.astype(np.float32))
    file = folder / f"label_{fold}.npy"
    labels = checks.labels(f"{file.name}: labels", load_npy(file), count, range(CLASSES))
    return windows.transpose(0, 2, 1)[:, None], labels
