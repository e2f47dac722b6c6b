"""Reading the published files, a pickled dictionary in ``.npy``, and the Formosat-2 tables."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import numpy.typing as npt

from kit.data import checks
from kit.data.pickles import load_npy
from kit.errors import DataError

STEPS, CLASSES = 46, 24
# Columns of the tables: label, polygon, then near infrared, red and green for each of 149 dates.
DATES, BANDS = 149, 3
Series = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]


def read(file: Path, count: int) -> tuple[Series, Labels]:
    """Return series (count, 46) and labels (count,) in 0..23 of a published file.

    Values are stored as float64 and returned as float32, the dtype of every network's inputs.

    Raises:
        DataError: the file is damaged, or a field is missing or invalid.
    """
    content = load_npy(file)
    whole = content[()] if content.shape == () else content
    fields = checks.fields(file.name, whole, ("data", "label"))
    data = checks.numbers(f"{file.name}: data", fields["data"], (count, STEPS))
    labels = checks.labels(f"{file.name}: label", fields["label"], count, range(1, CLASSES + 1))
    return checks.finite(f"{file.name}: data", data.astype(np.float32)), labels


def read_table(file: Path) -> tuple[Series, Labels, Labels]:
    """Return the vegetation index (n, 149), labels (n,) and polygons (n,) of a table.

    The index is (near infrared - red) / (near infrared + red), without unit.

    Raises:
        DataError: the file does not exist, or its lines are invalid.
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
    checks.finite(f"{file.name}: a column", table)
    labels = checks.labels(
        f"{file.name}: the first column", table[:, 0], len(table), range(CLASSES)
    )
    infrared, red = table[:, 2::BANDS], table[:, 3::BANDS]
    if (infrared + red <= 0).any():
        raise DataError(f"{file.name}: it holds reflectances that are not positive")
    index = ((infrared - red) / (infrared + red)).astype(np.float32)
    return index, labels, table[:, 1].astype(np.int64)
