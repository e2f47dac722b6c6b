"""The VGG-like audio network of the FSD50K paper (Fonseca et al., TASLP 2022, section V-B)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from kit.errors import KitError

# Channels of the layers of each stage; a pooling of 2 separates stages.
STAGES = ((32, 32, 32), (64, 64), (128, 128))
SMALLEST = 36


def build(input_shape: tuple[int, ...], outputs: int) -> nn.Module:
    """Return the network for spectrograms (1, bands, frames); its convolutions are not padded.

    Raises:
        KitError: the spectrogram is too small for these convolutions.
    """
    if min(input_shape[1:]) < SMALLEST:
        raise KitError(
            f"the expert takes spectrograms of at least {SMALLEST} by {SMALLEST}, "
            f"not {input_shape[1]} by {input_shape[2]}; lower data.stride"
        )
    layers: list[nn.Module] = []
    width = input_shape[0]
    for number, stage in enumerate(STAGES):
        if number:
            layers.append(nn.MaxPool2d(2))
        for channels in stage:
            layers += [nn.Conv2d(width, channels, 3), nn.BatchNorm2d(channels), nn.ReLU(True)]
            width = channels
    return nn.Sequential(*layers, MeanAndMaximum(), nn.Linear(2 * width, outputs))


class MeanAndMaximum(nn.Module):
    """Mean and maximum of each channel, side by side."""

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, bands, frames) -> (batch, 2 channels)."""
        return torch.cat([x.mean(dim=(2, 3)), x.amax(dim=(2, 3))], dim=1)
