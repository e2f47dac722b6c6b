"""Prepared arrays where batches are cut from: on the device once if they fit, else mapped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

# Above this an array stays on disk, memory-mapped, and worker processes put batches together.
RESIDENT_BYTES = 8 << 30

# Takes rows (any shape, int64, on the device) to values (*rows.shape, *array.shape[1:]).
Take = Callable[[Tensor], Tensor]


def fits(size: int) -> bool:
    """Tell whether an array of so many bytes is put on the device as a whole."""
    return size <= RESIDENT_BYTES


def take_from(array: npt.NDArray[Any], device: torch.device) -> Take:
    """Return how to take rows of an array, in its own dtype, to a device."""
    if fits(array.nbytes):
        resident = torch.from_numpy(np.array(array)).to(device)
        return lambda rows: resident[rows]

    def mapped(rows: Tensor) -> Tensor:
        chosen = torch.from_numpy(np.ascontiguousarray(array[rows.cpu().numpy()]))
        if device.type == "cuda":
            return chosen.pin_memory().to(device, non_blocking=True)
        return chosen

    return mapped
