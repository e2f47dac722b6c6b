"""Index arrays of folds whose samples are stored one fold after the other."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt


def in_order(counts: Mapping[str, int]) -> dict[str, npt.NDArray[np.int64]]:
    """Return the sample indices of each fold, given the number of samples per fold, in order."""
    ends = np.cumsum(list(counts.values()), dtype=np.int64)
    return {
        name: np.arange(end - count, end)
        for (name, count), end in zip(counts.items(), ends, strict=True)
    }
