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
        channels: C_in, of (batch, C_in, rows, columns).
        outputs: C_out, of (batch, C_out, rows, columns).
        modes: kept: columns 0..modes-1 of the half spectrum, and the first and last ``modes`` rows.
    """

    def __init__(self, channels: int, outputs: int, modes: int) -> None:
        super().__init__()
        shape, scale = (channels, outputs, modes, modes), 1 / (channels * outputs)
        self.low = nn.Parameter(scale * torch.rand(shape, dtype=torch.cfloat))
        self.high = nn.Parameter(scale * torch.rand(shape, dtype=torch.cfloat))

    def forward(self, x: Tensor) -> Tensor:
        """(batch, channels, rows, columns) -> (batch, outputs, rows, columns), in float32."""
        modes = self.low.shape[-1]
        across, down, back = _waves(*x.shape[2:], modes, x.device)
        # Products per frequency, which come first: (batch, channels) by (channels, outputs).
        sides = [side.permute(3, 2, 0, 1) for side in (self.low, self.high)]
        with full(x.device.type):
            half = torch.view_as_complex((x.float() @ across).unflatten(3, (modes, 2)))
            spectrum = half.mT @ down
            product = spectrum.permute(2, 3, 0, 1) @ torch.cat(sides, dim=1)
            half = product.permute(2, 3, 0, 1) @ down.mH
            return torch.view_as_real(half.mT).flatten(3) @ back

    def multiply_adds(self, x: Tensor) -> int:
        """Return the multiply-adds for one map; a complex product is four real ones."""
        channels, outputs, modes, _ = self.low.shape
        rows, columns = x.shape[2:]
        transform = 2 * modes * rows * columns + 4 * (2 * modes) * rows * modes
        return (channels + outputs) * transform + 4 * (self.low.numel() + self.high.numel())


@lru_cache(maxsize=8)
def _waves(rows: int, columns: int, modes: int, device: torch.device) -> tuple[Tensor, ...]:
    """Return the matrices of the transforms: along rows, along columns, and along rows back.

    Complex numbers that come from real ones, or become real ones, are pairs of columns, or of rows.

    Returns:
        (columns, 2 modes) real, (rows, 2 modes) complex, (2 modes, columns) real.
    """

    def waves(frequencies: Tensor, places: int) -> Tensor:
        """exp(-2 pi i f p / places), (frequencies, places)."""
        turns = torch.outer(frequencies, torch.arange(places, device=device)).double() / places
        return torch.polar(torch.ones_like(turns), -2 * math.pi * turns)

    kept = torch.arange(modes, device=device)
    steep = waves(torch.cat([kept, kept - modes]), rows)
    flat = waves(kept, columns)
    # All columns but the first also stand for the missing half of the spectrum, their mirror.
    flat_back = flat * torch.where(kept > 0, 2.0, 1.0)[:, None] / (rows * columns)
    across = torch.view_as_real(flat.mT).flatten(1).float()
    back = torch.view_as_real(flat_back).transpose(1, 2).flatten(0, 1).float()
    return across, steep.mT.to(torch.complex64), back
