"""Transforms that are one position too short for a kernel's farthest taps, and their correction.

With n + reach - 1 points a tap at offset reach, which belongs beyond the last position for the
output there, finds the first position instead, and one at -reach the last. So each axis has two
outputs that are wrong, by products of a few taps with one line of the data. Where the next good
length is far, subtracting those products is cheaper: 85 positions at a reach of 60 go into 144
points instead of 160.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import pad

from kit.ops.plan import ConvShape, good_length, reach, transform_length

LEAST = 100
"""Least length of a shortened transform; below it the correction costs more than it saves."""

WORTH = 0.93
"""Greatest length of a shortened transform, as a share of the full one, for the same reason."""


@dataclass(frozen=True, eq=False)
class _Side:
    """Taps that wrap around at one end of an axis.

    Attributes:
        axis: 0 or 1.
        target: the output position that is wrong.
        source: the input position that it reads by mistake.
        taps: indices of the taps.
        offsets: of these taps, on the other axis.
        around: whether the other axis wraps, too.
    """

    axis: int
    target: int
    source: int
    taps: Tensor
    offsets: Tensor
    around: bool


class Wrapping:
    """Transform lengths, each divisible by `multiple`, and the correction of what wraps around.

    Lengths are shortened only on two axes at stride 1.
    """

    def __init__(
        self, conv: ConvShape, offsets: Tensor, multiple: int, device: torch.device
    ) -> None:
        sizes, gaps = conv.kernel_sizes, conv.dilations
        self.reaches = [reach(n, sizes, gaps) for n in conv.sizes]
        self.sides: list[_Side] = []
        lengths = [transform_length(n, sizes, gaps, multiple) for n in conv.sizes]
        needed = [n + farthest for n, farthest in zip(conv.sizes, self.reaches, strict=True)]
        if len(lengths) == 2 and conv.stride == 1:
            for axis, (n, farthest) in enumerate(zip(conv.sizes, self.reaches, strict=True)):
                short = good_length(needed[axis] - 1, multiple)
                # In a shorter axis the taps at both ends would share one place.
                apart = n > farthest + 1 > 1
                if apart and LEAST <= short <= WORTH * lengths[axis]:
                    lengths[axis] = short
        self.lengths = tuple(lengths)
        wraps = [length < least for length, least in zip(lengths, needed, strict=True)]
        for axis in (axis for axis, short in enumerate(wraps) if short):
            last, farthest, other = conv.sizes[axis] - 1, self.reaches[axis], 1 - axis
            for target, source, offset in ((last, 0, farthest), (0, last, -farthest)):
                taps = (offsets[:, axis] == offset).nonzero()[:, 0]
                places = offsets[taps, other].to(device)
                # What wraps on both axes is subtracted once, with the first.
                around = axis == 0 and wraps[1]
                self.sides.append(_Side(axis, target, source, taps.to(device), places, around))

    def read(self, x: Tensor) -> list[Tensor]:
        """Return what wrapping taps read of data (B, C, n_1, n_2): (B, C, taps, n) per side."""
        return [self._read(x, side, side.source, 1) for side in self.sides]

    def _read(self, x: Tensor, side: _Side, place: int, sign: int) -> Tensor:
        line, farthest = x.select(2 + side.axis, place), self.reaches[1 - side.axis]
        padded = pad(line, (farthest, farthest))
        if side.around:
            padded[..., 0], padded[..., -1] = line[..., -1], line[..., 0]
        at_offsets = padded.unfold(2, line.shape[2], 1)
        return at_offsets.index_select(2, farthest + sign * side.offsets)

    def correct(self, result: Tensor, read: Sequence[Tensor], taps: Tensor) -> None:
        """Subtract what wrapped around from a result (B, C, n_1, n_2); taps: (taps, C)."""
        for side, lines in zip(self.sides, read, strict=True):
            wrong = (lines * taps[side.taps].t()[..., None]).sum(2)
            result.select(2 + side.axis, side.target).sub_(wrong)

    def correct_data(self, result: Tensor, gradient: Tensor, taps: Tensor) -> None:
        """Subtract it from the data's gradient: sources and targets change places."""
        for side in self.sides:
            lines = self._read(gradient, side, side.target, -1)
            wrong = (lines * taps[side.taps].t()[..., None]).sum(2)
            result.select(2 + side.axis, side.source).sub_(wrong)

    def correct_taps(self, result: Tensor, gradient: Tensor, read: Sequence[Tensor]) -> None:
        """Subtract it from the taps' gradient (taps, C)."""
        for side, lines in zip(self.sides, read, strict=True):
            upstream = gradient.select(2 + side.axis, side.target)
            result[side.taps] -= (lines * upstream[:, :, None]).sum((0, 3)).t()
