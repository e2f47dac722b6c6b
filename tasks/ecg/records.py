"""Reading records: the published pickle, or a folder of the challenge's own files."""

from __future__ import annotations

import csv
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.data import pickles
from kit.errors import DataError

# Normal rhythm, atrial fibrillation, other rhythm, too noisy: in the order of the papers' labels.
CLASSES = ("N", "A", "O", "~")


@dataclass(frozen=True)
class Records:
    """Recordings at 300 Hz, each (steps,), and the character of each one's class."""

    values: list[npt.NDArray[Any]]
    labels: list[str]


def read_pickle(file: Path) -> Records:
    """Return the records of the published file, a dictionary of ``data`` and ``label``.

    Raises:
        DataError: naming the file and the field that is not what it should be.
    """
    content = pickles.load(file)
    if not isinstance(content, Mapping):
        raise DataError(f"{file.name}: not a dictionary but a {type(content).__name__}")
    for name in ("data", "label"):
        if name not in content:
            raise DataError(f"{file.name}: there is no field {name!r}")
    values, labels = list(content["data"]), [str(label) for label in content["label"]]
    if len(values) != len(labels):
        raise DataError(f"{file.name}: data has {len(values)} records, label has {len(labels)}")
    for row, (record, label) in enumerate(zip(values, labels, strict=True)):
        values[row] = _checked(f"{file.name}: data[{row}]", record)
        _check_label(f"{file.name}: label[{row}]", label)
    return Records(values, labels)


def read_folder(folder: Path, progress: Callable[[int, int], None]) -> Records:
    """Return the records of a folder with ``REFERENCE.csv`` and a ``.mat`` file per record.

    Raises:
        DataError: naming the file and the field that is not what it should be.
    """
    reference = folder / "REFERENCE.csv"
    try:
        rows = list(csv.reader(reference.read_text("utf-8").splitlines()))
    except FileNotFoundError:
        raise DataError(f"{reference}: no such file") from None
    records = Records([], [])
    for number, row in enumerate(rows, start=1):
        if len(row) != 2:
            raise DataError(f"{reference.name}: line {number} is not 'record,label'")
        name, label = row
        _check_label(f"{reference.name}: line {number}", label)
        records.values.append(_read_mat(folder / f"{Path(name).name}.mat"))
        records.labels.append(label)
        progress(number, len(rows))
    return records


def _read_mat(file: Path) -> npt.NDArray[Any]:
    from scipy.io import loadmat

    if not file.exists():
        raise DataError(f"{file}: no such file")
    try:
        content = loadmat(file, variable_names=["val"])
    except Exception as error:
        # Damaged files make the reader raise whatever comes first.
        raise DataError(f"{file.name}: not a readable MATLAB file ({error})") from None
    if "val" not in content:
        raise DataError(f"{file.name}: there is no field 'val'")
    values = content["val"]
    if values.ndim != 2 or values.shape[0] != 1:
        raise DataError(f"{file.name}: val is {values.shape}, not (1, steps)")
    return _checked(f"{file.name}: val", values[0])


def _checked(place: str, record: Any) -> npt.NDArray[Any]:
    values = np.asarray(record)
    if values.ndim != 1 or values.dtype.kind not in "iuf":
        raise DataError(f"{place} is {values.dtype} of shape {values.shape}, not 1D numbers")
    if len(values) == 0:
        raise DataError(f"{place} is empty")
    if not np.isfinite(values).all():
        raise DataError(f"{place} holds values that are not finite")
    return values


def _check_label(place: str, label: str) -> None:
    if label not in CLASSES:
        raise DataError(f"{place} is {label!r}, not one of {' '.join(CLASSES)}")
