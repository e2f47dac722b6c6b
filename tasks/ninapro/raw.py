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

    In the files, the time axis is before that of electrodes. Integers of at most 16 bits are kept;
    all other numbers become float32, the dtype of every network's inputs.

    Raises:
        DataError: a file is damaged or invalid.
    """
    file, place = folder / f"ninapro_{fold}.npy", f"ninapro_{fold}.npy: windows"
    # The released code allows pickled files, so numbers may be stored as objects.
    windows = checks.numbers(place, load_npy(file), (count, STEPS, ELECTRODES))
    if windows.dtype not in (np.int8, np.uint8, np.int16):
        windows = checks.finite(place, windows.astype(np.float32))
    file = folder / f"label_{fold}.npy"
    labels = checks.labels(f"{file.name}: labels", load_npy(file), count, range(CLASSES))
    return windows.transpose(0, 2, 1)[:, None], labels
