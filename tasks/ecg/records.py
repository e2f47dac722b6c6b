"""Reading records: the published pickle, or a folder of the challenge's own files."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy.typing as npt

from kit.data import checks, pickles
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
    content = checks.fields(file.name, pickles.load(file), ("data", "label"))
    values, labels = list(content["data"]), [str(label) for label in content["label"]]
    if len(values) != len(labels):
        raise DataError(f"{file.name}: data has {len(values)} records, label has {len(labels)}")
    for row, (record, label) in enumerate(zip(values, labels, strict=True)):
        values[row] = checks.numbers(f"{file.name}: data[{row}]", record, (None,))
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
    values = checks.fields(file.name, content, ("val",))["val"]
    return checks.numbers(f"{file.name}: val", values, (1, None))[0]


def _check_label(place: str, label: str) -> None:
    if label not in CLASSES:
        raise DataError(f"{place} is {label!r}, not one of {' '.join(CLASSES)}")
