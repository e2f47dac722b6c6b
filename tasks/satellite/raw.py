"""Reading the raw files: a pickled dictionary in ``.npy``, and the Formosat-2 tables."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.data.pickles import load_npy
from kit.errors import DataError

STEPS, CLASSES = 46, 24
# The tables: label, polygon, then 149 dates of near infrared, red and green.
DATES, BANDS = 149, 3
Series = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def read(file: Path, count: int) -> tuple[Series, Labels]:
    """Return series (count, 46) and labels (count,) in 0..23 of a published file.

    Values are stored as float64 and kept as float32, which is what every network gets.

    Raises:
        DataError: the file is damaged, or a field is missing or not what it should be.
    """
    content = load_npy(file)
    fields = content[()] if content.shape == () else None
    if not isinstance(fields, dict):
        raise DataError(f"{file.name}: not a dictionary of 'data' and 'label'")
    data, label = (_field(file, fields, name) for name in ("data", "label"))
    if data.shape != (count, STEPS) or data.dtype.kind not in "iuf":
        raise DataError(
            f"{file.name}: data is {data.dtype} {data.shape}, not numbers ({count}, {STEPS})"
        )
    if label.shape != (count,) or label.dtype.kind not in "iuf":
        raise DataError(f"{file.name}: label is {label.dtype} {label.shape}, not ({count},)")
    series = data.astype(np.float32)
    if not np.isfinite(series).all():
        raise DataError(f"{file.name}: data holds values that are not finite")
    if not np.isin(label, np.arange(1, CLASSES + 1)).all():
        raise DataError(f"{file.name}: label holds values outside 1..{CLASSES}")
    return series, label.astype(np.int64) - 1


def _field(file: Path, fields: dict[Any, Any], name: str) -> npt.NDArray[Any]:
    if name not in fields:
        raise DataError(f"{file.name}: there is no field {name!r}")
    return np.asarray(fields[name])


def read_table(file: Path) -> tuple[Series, Labels, Labels]:
    """Return the vegetation index (n, 149), labels (n,) and polygons (n,) of a table.

    The index is (near infrared - red) / (near infrared + red), without unit.

    Raises:
        DataError: the file is missing, or its lines are not what they should be.
    """
    try:
        table = np.loadtxt(file, delimiter=",", ndmin=2)
    except FileNotFoundError:
        raise DataError(f"{file.parent.name}: there is no {file.name}") from None
    except ValueError as error:
        raise DataError(f"{file.name}: not a table of numbers ({error})") from None
    columns = 2 + BANDS * DATES
    if table.shape[1] != columns or len(table) == 0:
        raise DataError(f"{file.name}: {table.shape[1]} columns instead of {columns}")
    if not np.isfinite(table).all():
        raise DataError(f"{file.name}: it holds values that are not finite")
    if not np.isin(table[:, 0], np.arange(CLASSES)).all():
        raise DataError(f"{file.name}: its first column holds labels outside 0..{CLASSES - 1}")
    infrared, red = table[:, 2::BANDS], table[:, 3::BANDS]
    if (infrared + red <= 0).any():
        raise DataError(f"{file.name}: it holds reflectances that are not positive")
    label, polygon = table[:, :2].astype(np.int64).T
    return ((infrared - red) / (infrared + red)).astype(np.float32), label, polygon
