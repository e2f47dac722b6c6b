"""Predictions as arrays and tables."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from kit import extras
from kit.errors import KitError
from kit.files import write_bytes
from kit.task import Task

SUFFIXES = (".csv", ".parquet", ".npy")


def check_rows(task: Task) -> None:
    """Check that the answers of a task can be written as rows.

    Raises:
        KitError: there is an answer per position.
    """
    if task.dense:
        raise KitError(
            "answers per position cannot be written as rows; use --output with a name in .npy"
        )


@dataclass(frozen=True)
class Predictions:
    """What a model says of some inputs.

    Attributes:
        task: whose kind says how to read the values, and whose outputs may have names.
        values: (samples, classes) probabilities, (samples, labels) probabilities, (samples,
            numbers), per position (samples, outputs, *spatial), or (samples,) classes of a method
            that gives no more.
        ids: names of the samples, where they have any.
    """

    task: Task
    values: npt.NDArray[np.generic]
    ids: list[str] | None = None

    def save(self, file: Path) -> None:
        """Write them as ``.npy``, or as ``.csv`` or ``.parquet`` with one row per sample.

        A mask's ``.npy`` has classes, as they were called where their names are whole numbers,
        else by number; any other has the values.

        Raises:
            KitError: fields cannot be written as rows, the name has another ending, or pyarrow is
                missing.
        """
        if file.suffix == ".npy":
            buffer = io.BytesIO()
            np.save(buffer, self._masks() if self._of_masks else self.values, allow_pickle=False)
            write_bytes(file, buffer.getvalue())
        elif file.suffix == ".csv":
            write_bytes(file, self.csv().encode())
        elif file.suffix == ".parquet":
            write_bytes(file, self._parquet())
        else:
            raise KitError(f"{file}: predictions are written as {', '.join(SUFFIXES)}")

    def csv(self) -> str:
        """Return a header and one line per sample: the class and all probabilities, or numbers.

        Raises:
            KitError: there is an answer per position.
        """
        columns = self.columns()
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(columns)
        # The shortest digits that are read back as the same number.
        exact = self.values.dtype.type
        for row in zip(*columns.values(), strict=True):
            writer.writerow([exact(each) if isinstance(each, float) else each for each in row])
        return stream.getvalue()

    def columns(self) -> dict[str, list[Any]]:
        """Return the columns of a table of them: sample, id, class, and the values by name.

        Raises:
            KitError: there is an answer per position.
        """
        check_rows(self.task)
        columns: dict[str, list[Any]] = {"sample": list(range(len(self.values)))}
        if self.ids is not None:
            columns["id"] = self.ids
        if self.task.kind == "point":
            best = self.values if self.values.ndim == 1 else self.values.argmax(1)
            columns["class"] = [self._class(int(each)) for each in best]
        for name, column in zip(self._names(), self.values.T, strict=False):
            if self.values.ndim == 2:
                # An output may have the name of a column that is there already.
                free = name if name not in columns else f"y({name})"
                columns[free] = [float(each) for each in column]
        return columns

    def _names(self) -> list[str]:
        names = self.task.names
        if self.task.kind == "regression":
            return list(names) or (["y"] if self.task.outputs == 1 else self._numbered("y"))
        return [f"p({name})" for name in names] if names else self._numbered("p")

    def _numbered(self, letter: str) -> list[str]:
        return [f"{letter}{number}" for number in range(self.task.outputs)]

    def _class(self, number: int) -> str | int:
        return self.task.names[number] if self.task.names else number

    @property
    def _of_masks(self) -> bool:
        return self.task.kind == "segmentation"

    def _masks(self) -> npt.NDArray[np.generic]:
        classes = self.values.argmax(1)
        try:
            return np.array([int(name) for name in self.task.names])[classes]
        except (ValueError, IndexError):
            return classes

    def _parquet(self) -> bytes:
        try:
            import pyarrow as pa
            from pyarrow import parquet
        except ModuleNotFoundError:
            raise KitError(f"Parquet needs pyarrow: {extras.install('tables')}") from None
        sink = io.BytesIO()
        parquet.write_table(pa.table(self.columns()), sink)
        return sink.getvalue()
