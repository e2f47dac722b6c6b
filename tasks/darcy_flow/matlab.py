"""Reading the published pairs from MATLAB files of version 5 or 7.3 (HDF5)."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.data import matlab
from kit.errors import DataError

GRID = 421
FIELDS = ("coeff", "sol")


def read_pairs(file: Path, count: int, stride: int) -> npt.NDArray[np.float32]:
    """Return the first ``count`` pairs, every ``stride``-th node: (count, 2, nodes, nodes).

    Raises:
        DataError: the file is not a MATLAB file, or a field is missing or has a wrong shape.
    """
    if matlab.is_hdf5(file):
        with matlab.hdf5(file) as content:
            fields = [
                _thinned(
                    _checked(file, name, matlab.dataset(content, name), count, -1), count, stride
                )
                for name in FIELDS
            ]
    else:
        arrays = matlab.load(file, FIELDS)
        fields = [
            _checked(file, name, arrays.get(name), count)[:count, ::stride, ::stride]
            for name in FIELDS
        ]
    return np.stack(fields, axis=1).astype(np.float32)


def _thinned(field: Any, count: int, stride: int) -> npt.NDArray[Any]:
    """Return the first ``count`` grids of an HDF5 dataset, at every ``stride``-th node."""
    # MATLAB writes column-major, so the axes are reversed. Rows are read whole, and the stride is
    # applied here: with a stride, HDF5 reads each node separately.
    rows = [field[row, :, :count][::stride] for row in range(0, GRID, stride)]
    return np.stack(rows).T


def _checked(file: Path, name: str, field: Any, count: int, step: int = 1) -> Any:
    """Check that a field has at least ``count`` grids, and return it.

    ``step`` -1 is for fields whose axes are reversed.
    """
    if field is None:
        raise DataError(f"{file.name}: there is no field {name!r}")
    shape = field.shape[::step]
    if len(shape) != 3 or shape[0] < count or shape[1:] != (GRID, GRID):
        raise DataError(f"{file.name}: {name} is {shape}, not at least ({count}, {GRID}, {GRID})")
    return field
