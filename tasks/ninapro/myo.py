"""Windows of a Myo armband, from the recordings in the tests of the package libemg."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.data import archives
from kit.errors import DataError

from .raw import ELECTRODES, STEPS

RECORDING = re.compile(r".*/tests/data/myo_dataset/R_([0-3])_C_([0-4])_EMG\.csv")
REPETITIONS, GESTURES = 4, 5
CHANNELS, STRIDE = 8, 5


def read(archive: Path) -> tuple[npt.NDArray[np.int8], npt.NDArray[Any], npt.NDArray[Any]]:
    """Return windows (n, 1, 16, 52), gestures (n,) and repetitions (n,).

    Windows have 52 steps at 200 Hz and begin every 5 steps, as in the code of the task's expert.
    The published data are of two armbands with eight electrodes each; here the rows of the second
    one are zeros.

    Raises:
        DataError: a recording is missing or invalid.
    """
    windows, gestures, repetitions = [], [], []
    members = archives.members(archive, wanted=lambda name: bool(RECORDING.fullmatch(name)))
    for name, stream in members:
        match = RECORDING.fullmatch(name)
        assert match is not None
        cut = _windows(f"{archive.name}: {Path(name).name}", stream.read())
        windows.append(cut)
        repetitions.append(np.full(len(cut), int(match[1])))
        gestures.append(np.full(len(cut), int(match[2])))
    if len(windows) != REPETITIONS * GESTURES:
        raise DataError(
            f"{archive.name}: {len(windows)} Myo recordings instead of {REPETITIONS * GESTURES}"
        )
    return np.concatenate(windows), np.concatenate(gestures), np.concatenate(repetitions)


def _windows(place: str, content: bytes) -> npt.NDArray[np.int8]:
    """Return the windows (n, 1, 16, 52) of a recording; ``place`` names it in error messages."""
    try:
        values = np.loadtxt(io.BytesIO(content), delimiter=",", ndmin=2)
    except ValueError as error:
        raise DataError(f"{place}: not a table of numbers ({error})") from None
    if values.shape[1] != CHANNELS or len(values) < STEPS:
        raise DataError(f"{place}: {values.shape} instead of ({STEPS} or more, {CHANNELS})")
    if not np.isin(values, np.arange(-128, 128)).all():
        raise DataError(f"{place}: values that are not whole numbers in -128..127")
    cut = np.lib.stride_tricks.sliding_window_view(values.astype(np.int8), STEPS, axis=0)[::STRIDE]
    full = np.zeros((len(cut), 1, ELECTRODES, STEPS), np.int8)
    full[:, 0, :CHANNELS] = cut
    return full
