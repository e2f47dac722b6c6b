"""Inputs from files, as a fold would bring them before normalisation."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from kit.data import new_task, normalise, npy
from kit.data.folds import Fold
from kit.data.loading import Batch
from kit.data.own import files, layout, missing
from kit.data.own import reading as own
from kit.errors import DataError
from kit.settings import DataConfig
from kit.task import Task


def read(
    paths: Sequence[str],
    task: Task,
    config: DataConfig,
    log: Callable[[str], None] = lambda _: None,
) -> tuple[Tensor, list[str] | None]:
    """Return inputs (samples, channels, *spatial), and names of samples where they have any.

    For a task that ``kit new task`` made, files are of the kind that it was made of; else, and for
    any task, arrays as ``of_arrays`` reads them.

    Args:
        paths: the files.
        task: whose inputs they are.
        config: how the run reads data.
        log: takes a line for each thing that was done to the inputs, such as cutting sounds.

    Raises:
        DataError: with what is wrong with them.
        KitError: a package that reads them is missing.
    """
    reading = own.stored(task.folder)
    arrays = all(path.endswith(files.ARRAYS) for path in paths)
    if reading is None or (arrays and not reading.layout):
        if len(paths) > 1:
            raise DataError(f"{' and '.join(paths)}: one file is wanted, .npy or .npz")
        if reading is None or reading.missing is None:
            return of_arrays(Path(paths[0]), task, config), None
        reading = msgspec.structs.replace(reading, layout="NCHW"[: len(task.sample_shape) + 1])
    files.check_alike(paths, reading)
    found = files.read(paths, own.Ask(reading=reading, answers=False))
    x, found, _ = new_task.inputs(found)
    for line in (*found.notes, *found.smells):
        log(f"note: {line}")
    if reading.missing is None and (count := int(missing.absent(x).sum())):
        raise DataError(
            f"{found.place}: x lacks {count:,} of {x.size:,} values; fill them, or make the task "
            "anew with --missing, which fills them in both"
        )
    shape = task.sample_shape
    masked = reading.missing == "mask"
    wanted = (shape[0] // 2 if masked else shape[0], *shape[1:])
    if x.shape[1:] != wanted and reading.layout and "D" not in reading.layout:
        told = layout.told(wanted, reading.layout)
        raise DataError(f"{found.place}: x is {found.x.shape}, not {told} ({reading.layout})")
    if x.shape[1:] != wanted:
        told = f"(samples, {', '.join(map(str, wanted))})"
        raise DataError(f"{found.place}: x is {x.shape}, not {told}")
    return _tensor(found.place, missing.filled(x, reading)), found.ids


def of_arrays(file: Path, task: Task, config: DataConfig) -> Tensor:
    """Return the inputs (samples, channels, *spatial) of a ``.npy``, or of ``x`` in a ``.npz``.

    They are what the task's own data hold before any rule: full size, not normalised. An axis of
    one channel may be missing. Where a method cuts records into windows, each sample is a window.

    Raises:
        DataError: with what is wrong with them.
    """
    x = npy.load_npz(file, ("x",))["x"] if npy.is_npz(file) else npy.load(file)
    channels, *spatial = task.sample_shape
    if x.ndim == len(spatial) + 1 and channels == 1:
        x = x[:, None]
    wanted = f"(samples, {', '.join(map(str, task.sample_shape))})"
    if x.ndim != len(spatial) + 2 or x.shape[1] != channels or len(x) == 0:
        raise DataError(f"{file}: x is {x.shape}, not {wanted}")
    if not config.window and list(x.shape[2:]) != spatial:
        raise DataError(f"{file}: x is {x.shape}, not {wanted}")
    return _tensor(str(file), x)


def encode(x: Tensor, fold: Fold) -> Tensor:
    """Return raw inputs as a fold shows them to a network."""
    if fold.config.stride > 1:
        steps = [slice(None, None, fold.config.stride)] * (x.ndim - 2)
        x = x[(slice(None), slice(None), *steps)]
    if fold.config.inputs == "per-sample" and fold.config.window:
        x = normalise.per_sample(x.float())
    return fold.encode(x)


def _tensor(place: str, x: npt.NDArray[Any]) -> Tensor:
    if len(x) == 0:
        raise DataError(f"{place}: x is {x.shape}: it is empty")
    # Too large numbers become infinite as float32; whole numbers may have the other byte order.
    with np.errstate(over="ignore"):
        kind = np.float32 if x.dtype.kind == "f" else x.dtype.newbyteorder("=")
        x = x.astype(kind, copy=False)
    if x.dtype.kind not in "fiub" or not np.isfinite(x).all():
        raise DataError(f"{place}: x holds values that are not finite numbers")
    return torch.from_numpy(np.ascontiguousarray(x))


def batch(x: Tensor, first: int) -> Batch:
    """Return encoded inputs as a batch without answers; the samples are numbered from ``first``."""
    numbers = torch.arange(first, first + len(x), device=x.device)
    return Batch(x=x, y=torch.zeros_like(numbers), sample_id=numbers, unit_id=numbers)
