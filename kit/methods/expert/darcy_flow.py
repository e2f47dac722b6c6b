"""FNO-2D, the Fourier neural operator (Li et al., ICLR 2021, sections 4 and 5.2)."""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.errors import KitError

# The domain is no torus: zeros keep its right and left, bottom and top edges apart.
PADDING = 9
HIDDEN = 128


def build(
    input_shape: tuple[int, ...], outputs: int, *, modes: int = 12, width: int = 32
) -> nn.Module:
    """Return the operator for maps (channels, rows, columns).

    Args:
        input_shape: of one input.
        outputs: channels of the answer.
        modes: lowest frequencies kept per axis, on either side of zero along the rows.
        width: channels within.

    Raises:
        KitError: the padded map has not so many frequencies.
    """
    rows, columns = (size + PADDING for size in input_shape[1:])
    most = min(rows // 2, columns // 2 + 1)
    if modes > most:
        raise KitError(f"build.modes = {modes} is more than a padded map has; at most {most}")
    return FourierOperator(input_shape[0], outputs, modes, width)


class FourierOperator(nn.Module):
    """Lift to ``width`` channels, four Fourier layers, two layers per position."""

    def __init__(self, channels: int, outputs: int, modes: int, width: int) -> None:
        super().__init__()
        self.lift = nn.Linear(channels + 2, width)
        self.spectral = nn.ModuleList(SpectralConv2d(width, width, modes) for _ in range(4))
        self.pointwise = nn.ModuleList(nn.Conv2d(width, width, 1) for _ in range(4))
        self.hidden = nn.Linear(width, HIDDEN)
        self.answer = nn.Linear(HIDDEN, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, rows, columns) -> (batch, outputs, rows, columns)."""
        rows, columns = x.shape[2:]
        grid = torch.meshgrid(
            torch.linspace(0, 1, rows, device=x.device),
            torch.linspace(0, 1, columns, device=x.device),
            indexing="ij",
        )
        places = [axis.expand(len(x), 1, rows, columns) for axis in grid]
        x = self.lift(torch.cat([x, *places], dim=1).movedim(1, -1)).movedim(-1, 1)
        x = F.pad(x, (0, PADDING, 0, PADDING))
        for number, (spectral, pointwise) in enumerate(
            zip(self.spectral, self.pointwise, strict=True)
        ):
            x = F.gelu(x) if number else x
            x = spectral(x) + pointwise(x)
        x = x[..., :rows, :columns].movedim(1, -1)
        return self.answer(F.gelu(self.hidden(x))).movedim(-1, 1)


class SpectralConv2d(nn.Module):
    """A convolution with the whole map, given by its lowest frequencies (equations 4 and 5).

    Only the columns of the spectrum that are kept are transformed along the rows, either way.

    Args:
        channels: of the input.
        outputs: channels of the output.
        modes: kept: columns 0..modes-1 of the half spectrum, and the first and last ``modes`` rows.
    """

    def __init__(self, channels: int, outputs: int, modes: int) -> None:
        super().__init__()
        self.modes, self.outputs = modes, outputs
        shape, scale = (channels, outputs, modes, modes), 1 / (channels * outputs)
        self.low = nn.Parameter(scale * torch.rand(shape, dtype=torch.cfloat))
        self.high = nn.Parameter(scale * torch.rand(shape, dtype=torch.cfloat))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, rows, columns) -> (batch, outputs, rows, columns)."""
        batch, modes, (rows, columns) = len(x), self.modes, x.shape[2:]
        spectrum = torch.fft.fft(torch.fft.rfft(x)[..., :modes], dim=2)
        kept = torch.cat([spectrum[:, :, :modes], spectrum[:, :, -modes:]], dim=2)
        weights = torch.cat([self.low, self.high], dim=2)
        # One product per frequency: (frequency, batch, channel) by (frequency, channel, output).
        product = kept.flatten(2).permute(2, 0, 1) @ weights.flatten(2).permute(2, 0, 1)
        product = product.permute(1, 2, 0).reshape(batch, self.outputs, 2 * modes, modes)
        spectrum = product.new_zeros(batch, self.outputs, rows, modes)
        spectrum[:, :, :modes], spectrum[:, :, -modes:] = product.split(modes, dim=2)
        return torch.fft.irfft(torch.fft.ifft(spectrum, dim=2), n=columns)

    def multiply_adds(self, x: Tensor) -> int:
        """Return those of one map: transforms of n log2 n each, four per complex product."""
        points = math.prod(x.shape[2:])
        transforms = (x.shape[1] + self.outputs) * points * math.log2(points)
        return round(transforms) + 4 * (self.low.numel() + self.high.numel())
