"""Reading the published pairs: MATLAB files of version 5 and of version 7.3 (HDF5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.io import loadmat

from kit import extras
from kit.errors import DataError, KitError

GRID = 421


def read_pairs(file: Path, count: int, stride: int) -> npt.NDArray[np.float32]:
    """Return the first ``count`` pairs, every ``stride``-th node: (count, 2, nodes, nodes).

    Raises:
        DataError: the file is no MATLAB file, or a field is missing or has a wrong shape.
    """
    with file.open("rb") as stream:
        version_5 = stream.read(19) == b"MATLAB 5.0 MAT-file"
    fields = (_version_5 if version_5 else _hdf5)(file, count, stride)
    return np.stack(fields, axis=1).astype(np.float32)


def _version_5(file: Path, count: int, stride: int) -> list[npt.NDArray[Any]]:
    try:
        content = loadmat(file, variable_names=["coeff", "sol"])
    except (ValueError, OSError, TypeError) as error:
        raise DataError(f"{file.name}: not a readable MATLAB file ({error})") from None
    return [
        _checked(file, name, content.get(name), count)[:count, ::stride, ::stride]
        for name in ("coeff", "sol")
    ]


def _hdf5(file: Path, count: int, stride: int) -> list[npt.NDArray[Any]]:
    try:
        import h5py
    except ModuleNotFoundError:
        raise KitError(f"{file.name} needs h5py: {extras.install('hdf5')}") from None
    try:
        with h5py.File(file) as content:
            return [
                _thinned(
                    _checked(file, name, content.get(name), count, reverse=True), count, stride
                )
                for name in ("coeff", "sol")
            ]
    except OSError:
        raise DataError(f"{file.name}: neither MATLAB 5 nor HDF5, or cut short") from None


def _thinned(field: Any, count: int, stride: int) -> npt.NDArray[Any]:
    # MATLAB writes column-major, so the axes come reversed. Rows are read whole and thinned out
    # here: a strided read makes HDF5 visit every node by itself.
    rows = [field[row, :, :count][::stride] for row in range(0, GRID, stride)]
    return np.stack(rows).T


def _checked(file: Path, name: str, field: Any, count: int, *, reverse: bool = False) -> Any:
    if field is None:
        raise DataError(f"{file.name}: there is no field {name!r}")
    shape = field.shape[::-1] if reverse else field.shape
    if len(shape) != 3 or shape[0] < count or shape[1:] != (GRID, GRID):
        raise DataError(f"{file.name}: {name} is {shape}, not at least ({count}, {GRID}, {GRID})")
    return field
