"""Inputs from a file, as a fold would bring them before normalisation."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from kit.data import normalise, npy
from kit.data.folds import Fold
from kit.data.loading import Batch
from kit.errors import DataError
from kit.settings import DataConfig
from kit.task import Task


def read(file: Path, task: Task, config: DataConfig) -> Tensor:
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
    if x.dtype.kind not in "fiub" or not np.isfinite(x).all():
        raise DataError(f"{file}: x holds values that are not finite numbers")
    if x.dtype.kind == "f":
        x = x.astype(np.float32)
    return torch.from_numpy(np.ascontiguousarray(x))


def encode(x: Tensor, fold: Fold) -> Tensor:
    """Return raw inputs as a fold shows them to a network."""
    if fold.config.stride > 1:
        steps = [slice(None, None, fold.config.stride)] * (x.ndim - 2)
        x = x[(slice(None), slice(None), *steps)]
    if fold.config.inputs == "per-sample" and fold.config.window:
        x = normalise.per_sample(x.float())
    return fold.encode(x)


def batch(x: Tensor, first: int) -> Batch:
    """Return encoded inputs as a batch without answers; the samples are numbered from ``first``."""
    numbers = torch.arange(first, first + len(x), device=x.device)
    return Batch(x=x, y=torch.zeros_like(numbers), sample_id=numbers, unit_id=numbers)
