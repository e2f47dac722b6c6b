"""Predictions of a finished run for new inputs."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from kit.errors import KitError
from kit.export import inputs
from kit.export.loading import load_run
from kit.files import write_bytes
from kit.task import Kind, Task

BATCH = 64


@dataclass(frozen=True)
class Predictions:
    """What a model says of some inputs.

    Attributes:
        task: whose kind says how to read the values.
        values: (samples, classes) probabilities, (samples, labels) probabilities, a dense task's
            (samples, channels, *spatial), or (samples,) classes of a method that gives no more.
    """

    task: Task
    values: npt.NDArray[np.generic]

    def save(self, file: Path) -> None:
        """Write them as ``.npy``, or as ``.csv`` with one line per sample.

        Raises:
            KitError: a field cannot be written as CSV, or the name has another ending.
        """
        if file.suffix == ".npy":
            buffer = io.BytesIO()
            np.save(buffer, self.values, allow_pickle=False)
            write_bytes(file, buffer.getvalue())
        elif file.suffix == ".csv":
            write_bytes(file, self.csv().encode())
        else:
            raise KitError(f"{file}: predictions are written as .npy or .csv")

    def csv(self) -> str:
        """Return a header and one line per sample: the class and all probabilities.

        Raises:
            KitError: the task is dense.
        """
        if self.task.kind == "dense":
            raise KitError("fields cannot be written as .csv; use --output with a name in .npy")
        values = self.values if self.values.ndim == 2 else np.empty((len(self.values), 0))
        names = [f"p{number}" for number in range(values.shape[1])]
        classes = self.values if self.values.ndim == 1 else self.values.argmax(1)
        label = self.task.kind == "point"
        stream = io.StringIO()
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["sample", *(["class"] if label else []), *names])
        for number, (row, best) in enumerate(zip(values.tolist(), classes.tolist(), strict=True)):
            rounded = [f"{value:.6g}" for value in row]
            writer.writerow([number, *([best] if label else []), *rounded])
        return stream.getvalue()


def predict(
    run: Path,
    file: Path,
    *,
    device: str = "cpu",
    progress: Callable[[int, int], None] = lambda *_: None,
) -> Predictions:
    """Return what the model of a finished run says of the inputs in a file.

    Raises:
        KitError: the run or the file will not do; one line that says why.
    """
    the_method, context = load_run(run, device)
    x = inputs.read(file, context.task, context.settings.data)
    fold, answer = context.fold("test"), the_method.predictor(context)
    parts, kind = [], "logits"
    for start in range(0, len(x), BATCH):
        part = inputs.encode(x[start : start + BATCH].to(context.device), fold)
        said = answer(inputs.batch(part, start))
        kind = said.kind
        parts.append(said.values.cpu())
        progress(min(start + BATCH, len(x)), len(x))
    return Predictions(context.task, _probabilities(torch.cat(parts), kind, context.task.kind))


def _probabilities(values: torch.Tensor, kind: str, of: Kind) -> npt.NDArray[np.generic]:
    if kind == "logits":
        values = values.softmax(1) if of == "point" else values.sigmoid()
    found: npt.NDArray[np.generic] = values.numpy()
    return found
