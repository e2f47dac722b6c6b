"""Normalisers: fitted on the fold in use, applied to inputs or to what a network predicts."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from kit.settings import Normalisation

EPSILON = 1e-5


@dataclass(frozen=True)
class Normaliser:
    """An affine map, elementwise: encoded = (raw - shift) / scale; shapes broadcast over samples."""

    shift: Tensor | None = None
    scale: Tensor | None = None

    def encode(self, raw: Tensor) -> Tensor:
        """Return normalised values."""
        return raw if self.shift is None else (raw - self.shift) / self.scale

    def decode(self, encoded: Tensor) -> Tensor:
        """Return values in original units."""
        return encoded if self.scale is None else encoded * self.scale + self.shift


def fit(kind: Normalisation, values: Tensor) -> Normaliser:
    """Return the normaliser of a fold.

    Args:
        kind: ``pointwise`` is a mean and an unbiased standard deviation per position over the
            samples, plus 1e-5 on the latter (the Gaussian normaliser of the Darcy Flow task).
        values: (samples, channels, *spatial).
    """
    if kind == "none":
        return Normaliser()
    deviation, mean = torch.std_mean(values, dim=0, correction=1)
    return Normaliser(mean, deviation + EPSILON)
