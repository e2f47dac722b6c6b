"""Access to rows of prepared arrays: small arrays are copied to the device, large ones mapped."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

# A larger array stays on disk, memory-mapped, and worker processes assemble the batches.
RESIDENT_BYTES = 8 << 30

# Takes rows (any shape, int64, on the device) to values (*rows.shape, *array.shape[1:]).
Take = Callable[[Tensor], Tensor]


def fits(size: int) -> bool:
    """Tell whether an array of ``size`` bytes is copied to the device as a whole."""
    return size <= RESIDENT_BYTES


def take_from(array: npt.NDArray[Any], device: torch.device) -> Take:
    """Return a function that takes rows of an array to a device, in the array's own dtype."""
    if fits(array.nbytes):
        resident = torch.from_numpy(np.array(array)).to(device)
        return lambda rows: resident[rows]

    def mapped(rows: Tensor) -> Tensor:
        values = torch.from_numpy(np.ascontiguousarray(array[rows.cpu().numpy()]))
        if device.type == "cuda":
            return values.pin_memory().to(device, non_blocking=True)
        return values

    return mapped
