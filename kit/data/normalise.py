"""Normalisers of inputs and targets."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

EPSILON = 1e-5


@dataclass(frozen=True)
class Normaliser:
    """The elementwise map encoded = (raw - shift) / scale; the identity if either is None."""

    shift: Tensor | None = None
    scale: Tensor | None = None

    def encode(self, raw: Tensor) -> Tensor:
        """Return normalised values."""
        if self.shift is None or self.scale is None:
            return raw
        return (raw - self.shift) / self.scale

    def decode(self, encoded: Tensor) -> Tensor:
        """Return values in original units."""
        if self.shift is None or self.scale is None:
            return encoded
        return encoded * self.scale + self.shift


def pointwise(values: Tensor) -> Normaliser:
    """Fit the Gaussian normaliser of the Darcy Flow task to (samples, channels, *spatial).

    It has a mean and an unbiased standard deviation per position. To the latter 1e-5 is added, or a
    tenth of the channel's deviations if that is less, as it is for targets in small units.
    """
    deviation, mean = torch.std_mean(values, dim=0, correction=min(1, len(values) - 1))
    usual = deviation.double().reshape(len(deviation), -1).square().mean(1).sqrt()
    added = (0.1 * usual).clamp(max=EPSILON).where(usual > 0, EPSILON)
    shape = (-1, *[1] * (deviation.ndim - 1))
    return Normaliser(mean, deviation + added.to(deviation).reshape(shape))


def constants(mean: tuple[float, ...], std: tuple[float, ...], like: Tensor) -> Normaliser:
    """Return the normaliser with given means and standard deviations per channel.

    Args:
        mean: of each channel.
        std: of each channel.
        like: inputs (batch, channels, *spatial) that give the number of axes and the device.
    """
    shape = (len(mean), *[1] * (like.ndim - 2))
    shift, scale = (torch.tensor(each, device=like.device).reshape(shape) for each in (mean, std))
    return Normaliser(shift.float(), scale.float())


def per_sample(x: Tensor) -> Tensor:
    """Z-score each sample by its mean and standard deviation; a constant sample becomes zeros."""
    axes = tuple(range(1, x.ndim))
    deviation, mean = torch.std_mean(x, dim=axes, correction=0, keepdim=True)
    # The mean of a constant is rounded, so that its deviation need not be 0.
    constant = x.amax(axes, keepdim=True) == x.amin(axes, keepdim=True)
    return ((x - mean) / torch.where(deviation > 0, deviation, 1.0)).masked_fill(constant, 0.0)
