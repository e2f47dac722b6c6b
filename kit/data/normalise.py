"""Normalisers: fitted on the fold in use, applied to inputs or to what a network predicts."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from kit.settings import Normalisation

EPSILON = 1e-5


@dataclass(frozen=True)
class Normaliser:
    """An elementwise affine map: encoded = (raw - shift) / scale."""

    shift: Tensor
    scale: Tensor

    def encode(self, raw: Tensor) -> Tensor:
        """Return normalised values."""
        return (raw - self.shift) / self.scale

    def decode(self, encoded: Tensor) -> Tensor:
        """Return values in original units."""
        return encoded * self.scale + self.shift


class Identity(Normaliser):
    """Leaves values as they are."""

    def __init__(self) -> None:
        super().__init__(torch.zeros(()), torch.ones(()))

    def encode(self, raw: Tensor) -> Tensor:
        """Return the values."""
        return raw

    def decode(self, encoded: Tensor) -> Tensor:
        """Return the values."""
        return encoded


def fit(kind: Normalisation, values: Tensor) -> Normaliser:
    """Return the normaliser of a fold.

    Args:
        kind: ``pointwise`` is a mean and an unbiased standard deviation per position over the
            samples, plus 1e-5 on the latter (the Gaussian normaliser of the Darcy Flow task).
        values: (samples, channels, *spatial).
    """
    if kind == "none":
        return Identity()
    deviation, mean = torch.std_mean(values, dim=0, correction=1)
    return Normaliser(mean, deviation + EPSILON)
