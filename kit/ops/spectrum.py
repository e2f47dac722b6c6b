"""Spectrum of the mixed kernel from its folded taps, a slab of frequencies at a time.

The operator is a correlation, y[t] = sum_o w_o x[t + o], hence its spectrum is sum_o w_o e^(i f o).
With w_e(u) = w(u) + w(-u) and w_o(u) = w(u) - w(-u),

    one axis:  Re = cos(f u) w_e,  Im = sin(f u) w_o
    two axes:  Re = cos cos w_ee - sin sin w_oo,  Im = cos sin w_eo + sin cos w_oe

so everything is a product of real matrices, and comes out frequency first, real and imaginary
parts apart, which is the layout in which the product over channels is a batched matrix product.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
from torch import Tensor

from kit.ops.plan import ConvShape
from kit.ops.taps import FoldedTaps, folded_taps


def angles(rows: Tensor, columns: Tensor, length: int) -> Tensor:
    """2 pi rows columns / length in float64, the product reduced mod length first."""
    turns = torch.remainder(rows[:, None] * columns[None, :], length)
    return turns.double() * (2 * math.pi / length)


def half_weights(length: int) -> Tensor:
    """(length / 2 + 1,) in float64: what a half spectrum's terms count in a sum over all, / length.

    `length` is even.
    """
    counts = torch.full((length // 2 + 1,), 2.0, dtype=torch.float64)
    counts[0] = counts[-1] = 1.0
    return counts / length


class Spectrum1d:
    """Kernel spectra for one axis; a slab is any range of frequencies."""

    unit = 1

    def __init__(self, lengths: tuple[int, ...], taps: FoldedTaps, like: Tensor) -> None:
        (length,) = lengths
        frequencies = torch.arange(length // 2 + 1)
        offsets = [offset for slots in taps.offsets for offset in slots[0]]
        angle = angles(frequencies, torch.tensor(offsets, dtype=torch.long), length)
        cosine, sine = torch.cos(angle), torch.sin(angle)
        weights = half_weights(length)[:, None]
        self.frequencies = len(frequencies)
        self.cosine, self.sine = cosine.to(like), sine.to(like)
        self.cosine_back = (cosine * weights).to(like)
        self.sine_back = (sine * weights).to(like)

    def slab(self, taps: Tensor, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Real and imaginary part, each (frequencies, pairs), of frequencies start to stop."""
        return (
            self.cosine[start:stop] @ taps[0::2],
            self.sine[start:stop] @ taps[1::2],
        )

    def add_adjoint(
        self, into: Tensor, real: Tensor, imaginary: Tensor, start: int, stop: int
    ) -> None:
        """Add to `into` (taps, pairs) the gradient that a slab's gradient means for the taps."""
        into[0::2].addmm_(self.cosine_back[start:stop].t(), real)
        into[1::2].addmm_(self.sine_back[start:stop].t(), imaginary)


def both_parities(offsets: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """|offsets| of the sums and of the differences, of which 0 has none."""
    return (
        torch.tensor(offsets, dtype=torch.long),
        torch.tensor([offset for offset in offsets if offset], dtype=torch.long),
    )


@dataclass(frozen=True, eq=False)
class _Part:
    """One parity class of one group: rows and columns of its taps, factors of the row axis.

    index: which of the operand's column slots it fills, counted over real and imaginary part.
    """

    rows: int
    columns: int
    factor: Tensor
    index: int


class Spectrum2d:
    """Kernel spectra for two axes; a slab is a range of whole rows of the half spectrum.

    First the row axis, group by group, into an operand (rows, column slots, pairs); then one
    matrix [cos | sin] of the column axis for all groups.
    """

    def __init__(self, lengths: tuple[int, ...], taps: FoldedTaps, like: Tensor) -> None:
        height, width = lengths
        rows, columns = torch.arange(height), torch.arange(width // 2 + 1)
        self.unit = len(columns)
        self.frequencies = height * self.unit
        cosines, sines = [], []
        self.parts: list[_Part] = []
        groups = len(taps.offsets)
        for group, (row_offsets, column_offsets) in enumerate(taps.offsets):
            even, odd = both_parities(column_offsets)
            cosines.append(torch.cos(angles(columns, even, width)))
            sines.append(torch.sin(angles(columns, odd, width)))
            for row_odd, offsets in enumerate(both_parities(row_offsets)):
                angle = angles(rows, offsets, height)
                for column_odd, count in enumerate((len(even), len(odd))):
                    factor = torch.sin(angle) if row_odd else torch.cos(angle)
                    if row_odd and column_odd:
                        factor = -factor
                    place = 2 * groups * (row_odd != column_odd) + groups * column_odd + group
                    self.parts.append(_Part(len(offsets), count, factor.to(like), place))
        theta = torch.cat([*cosines, *sines], 1)
        self.widths = [part.shape[1] for part in (*cosines, *sines)]
        self.counts = [part.rows * part.columns for part in self.parts]
        self.theta = theta.to(like)
        self.theta_back = (theta * half_weights(width)[:, None] / height).to(like)

    def _pieces(self, operand: Tensor, pairs: int) -> list[Tensor]:
        """Column slots (count, slots pairs) of the real, then of the imaginary part."""
        widths = [width * pairs for width in self.widths]
        return [piece for part in operand.unbind() for piece in part.split(widths, 1)]

    def slab(self, taps: Tensor, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Real and imaginary part, each (frequencies, pairs); start, stop: multiples of `unit`."""
        first, last = start // self.unit, stop // self.unit
        count, pairs = last - first, taps.shape[1]
        slots = sum(self.widths)
        operand = taps.new_empty(2, count, slots * pairs)
        targets = self._pieces(operand, pairs)
        for part, source in zip(self.parts, taps.split(self.counts), strict=True):
            if part.rows == 0:
                targets[part.index].zero_()
            elif part.columns:
                factor = part.factor[first:last]
                torch.mm(factor, source.view(part.rows, -1), out=targets[part.index])
        result = torch.bmm(
            self.theta.expand(2 * count, -1, -1), operand.view(2 * count, slots, pairs)
        ).view(2, count * self.unit, pairs)
        return result[0], result[1]

    def add_adjoint(
        self, into: Tensor, real: Tensor, imaginary: Tensor, start: int, stop: int
    ) -> None:
        """Add to `into` (taps, pairs) the gradient that a slab's gradient means for the taps."""
        first, last = start // self.unit, stop // self.unit
        count, pairs = last - first, into.shape[1]
        slots = sum(self.widths)
        back = self.theta_back.t().expand(count, -1, -1)
        operand = real.new_empty(2, count, slots * pairs)
        for index, gradient in enumerate((real, imaginary)):
            columns = gradient.view(count, self.unit, pairs)
            torch.bmm(back, columns, out=operand[index].view(count, slots, pairs))
        sources = self._pieces(operand, pairs)
        for part, target in zip(self.parts, into.split(self.counts), strict=True):
            if part.rows and part.columns:
                target.view(part.rows, -1).addmm_(part.factor[first:last].t(), sources[part.index])


@lru_cache(maxsize=64)
def spectrum_plan(
    conv: ConvShape, lengths: tuple[int, ...], dtype: torch.dtype, device: torch.device
) -> tuple[FoldedTaps, Spectrum1d | Spectrum2d]:
    """Folded taps of a convolution and the spectrum of these lengths that is made from them."""
    taps = folded_taps(conv, dtype, device)
    like = torch.empty(0, dtype=dtype, device=device)
    if len(conv.sizes) == 1:
        return taps, Spectrum1d(lengths, taps, like)
    return taps, Spectrum2d(lengths, taps, like)
