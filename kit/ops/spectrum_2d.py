"""Spectrum of the mixed kernel on two axes.

Re = cos cos w_ee - sin sin w_oo,  Im = cos sin w_eo + sin cos w_oe
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from kit.ops.angles import angles, half_weights
from kit.ops.taps import FoldedTaps


def both_parities(offsets: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Return |offsets| of the sums and of the differences; offset 0 has no difference."""
    return (
        torch.tensor(offsets, dtype=torch.long, device="cpu"),
        torch.tensor([offset for offset in offsets if offset], dtype=torch.long, device="cpu"),
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

    def __init__(self, lengths: tuple[int, ...], taps: FoldedTaps, template: Tensor) -> None:
        height, width = lengths
        rows = torch.arange(height, device="cpu")
        columns = torch.arange(width // 2 + 1, device="cpu")
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
                    self.parts.append(_Part(len(offsets), count, factor.to(template), place))
        theta = torch.cat([*cosines, *sines], 1)
        self.widths = [part.shape[1] for part in (*cosines, *sines)]
        self.counts = [part.rows * part.columns for part in self.parts]
        self.theta = theta.to(template)
        self.theta_back = (theta * half_weights(width)[:, None] / height).to(template)

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
        """Add the taps' gradient, from that of a slab's real and imaginary part, to `into`.

        `into` is (taps, pairs).
        """
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
