"""Convolution by the lowest frequencies of a map, its transforms being matrix products.

So few frequencies are kept that the products cost less than fast transforms, which moreover are
slow where a side has a large prime factor, such as the 47 in Darcy Flow's 94.
"""

from __future__ import annotations

import math
from functools import lru_cache

import torch
from torch import Tensor, nn

from kit.ops.precision import full


class SpectralConv2d(nn.Module):
    """A convolution with the whole map (Li et al., ICLR 2021, equations 4 and 5).

    Args:
        channels: of the input.
        outputs: channels of the output.
        modes: kept: columns 0..modes-1 of the half spectrum, and the first and last ``modes`` rows.
    """

    def __init__(self, channels: int, outputs: int, modes: int) -> None:
        super().__init__()
        shape, scale = (channels, outputs, modes, modes), 1 / (channels * outputs)
        self.low = nn.Parameter(scale * torch.rand(shape, dtype=torch.cfloat))
        self.high = nn.Parameter(scale * torch.rand(shape, dtype=torch.cfloat))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, rows, columns) -> (batch, outputs, rows, columns), in float32."""
        channels, outputs, modes, _ = self.low.shape
        batch, _, rows, columns = x.shape
        across, down, up, back = _waves(rows, columns, modes, x.device)
        with full(x.device.type):
            half = (x.float() @ across).view(batch, channels, rows, modes, 2)
            spectrum = half.transpose(2, 3).flatten(3) @ down
            spectrum = torch.view_as_complex(spectrum.unflatten(3, (2 * modes, 2)))
            # A product per frequency, which come first: (batch, channels) by (channels, outputs).
            sides = [side.permute(3, 2, 0, 1) for side in (self.low, self.high)]
            product = spectrum.permute(2, 3, 0, 1) @ torch.cat(sides, dim=1)
            half = torch.view_as_real(product.permute(2, 3, 0, 1)).flatten(3) @ up
            half = half.view(batch, outputs, modes, rows, 2).transpose(2, 3)
            return half.flatten(3) @ back

    def multiply_adds(self, x: Tensor) -> int:
        """Return those of one map; a complex product is four real ones."""
        channels, outputs, modes, _ = self.low.shape
        rows, columns = x.shape[2:]
        transform = 2 * modes * rows * columns + 4 * (2 * modes) * rows * modes
        return (channels + outputs) * transform + 4 * (self.low.numel() + self.high.numel())


@lru_cache(maxsize=8)
def _waves(rows: int, columns: int, modes: int, device: torch.device) -> tuple[Tensor, ...]:
    """Return the four matrices of the transforms, in the order in which they are applied.

    All are real; a complex axis of n is one of 2 n, real and imaginary parts alternating.

    Returns:
        (columns, 2 modes), (2 rows, 4 modes), (4 modes, 2 rows), (2 modes, columns).
    """

    def waves(frequencies: Tensor, places: int) -> Tensor:
        """exp(-2 pi i f p / places), (frequencies, places)."""
        turns = torch.outer(frequencies, torch.arange(places, device=device)).double() / places
        return torch.polar(torch.ones_like(turns), -2 * math.pi * turns)

    def real(matrix: Tensor) -> Tensor:
        """(m, n) complex -> (2 m, 2 n) real, for rows of pairs from the left."""
        return (
            torch.view_as_real(torch.stack([matrix, 1j * matrix], dim=1)).flatten(2).flatten(0, 1)
        )

    kept = torch.arange(modes, device=device)
    steep = waves(torch.cat([kept, kept - modes]), rows)
    flat = waves(kept, columns)
    # The half of the spectrum that is not there mirrors all columns but the first.
    flat_back = flat * torch.where(kept > 0, 2.0, 1.0)[:, None] / (rows * columns)
    matrices = (
        torch.view_as_real(flat.mT).flatten(1),
        real(steep.mT),
        real(steep.conj().resolve_conj()),
        torch.view_as_real(flat_back).transpose(1, 2).flatten(0, 1),
    )
    return tuple(each.float().contiguous() for each in matrices)
