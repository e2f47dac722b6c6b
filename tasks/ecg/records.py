"""Reading records: the published pickle, or a folder of the challenge's own files."""

from __future__ import annotations

import csv
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kit.data import checks, matlab, pickles
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
    values, labels = (_several(file, name, content[name]) for name in ("data", "label"))
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
    values = checks.fields(file.name, matlab.load(file, ("val",)), ("val",))["val"]
    return checks.numbers(f"{file.name}: val", values, (1, None))[0]


def _several(file: Path, name: str, content: Any) -> list[Any]:
    array = isinstance(content, np.ndarray) and content.ndim
    if not array and not isinstance(content, list | tuple | str):
        raise DataError(f"{file.name}: {name} is not a list")
    return list(content)


def _check_label(place: str, label: object) -> None:
    if label not in CLASSES:
        found = f"{label!a:.40}" if isinstance(label, str) else f"a {type(label).__name__}"
        raise DataError(f"{place} is {found}, not one of {' '.join(CLASSES)}")
