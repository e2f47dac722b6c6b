"""Predictions of a finished run for new inputs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from kit.export import inputs
from kit.export.loading import load_run
from kit.export.predictions import Predictions, check_rows
from kit.task import Kind

BATCH = 64


def predict(
    run: Path,
    source: Path | Sequence[str],
    *,
    device: str = "cpu",
    rows: bool = False,
    progress: Callable[[int, int], None] = lambda *_: None,
    log: Callable[[str], None] = lambda _: None,
) -> Predictions:
    """Return what the model of a finished run says of the inputs in a file, or in several.

    Args:
        run: the folder of the run.
        source: the files.
        device: where the model runs.
        rows: they are to be written as rows, which is refused in time where they cannot be.
        progress: called with (done, total) samples.
        log: takes a line for each thing that was done to the inputs, such as cutting sounds.

    Raises:
        KitError: the run or the file will not do; one line that says why.
    """
    the_method, context = load_run(run, device)
    if rows:
        check_rows(context.task)
    paths = [str(source)] if isinstance(source, Path) else source
    x, ids = inputs.read(paths, context.task, context.settings.data, log)
    fold, answer = context.fold("test"), the_method.predictor(context)
    parts, kind = [], "logits"
    for start in range(0, len(x), BATCH):
        part = inputs.encode(x[start : start + BATCH].to(context.device), fold)
        said = answer(inputs.batch(part, start))
        kind = said.kind
        parts.append(said.values.detach().cpu())
        progress(min(start + BATCH, len(x)), len(x))
    values = _probabilities(torch.cat(parts), kind, context.task.kind)
    return Predictions(context.task, values, ids)


def _probabilities(values: torch.Tensor, kind: str, of: Kind) -> npt.NDArray[np.generic]:
    if kind == "logits":
        values = values.softmax(1) if of in ("point", "segmentation") else values.sigmoid()
    found: npt.NDArray[np.generic] = values.numpy()
    return found
