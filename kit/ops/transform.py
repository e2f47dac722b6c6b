"""Data transforms between (B, C, *sizes) and the frequency-first planar layout (F, 2, B, C).

F counts the frequencies of a half spectrum, 2 is real and imaginary part. Two realisations: the
library's FFT with a transposition, and plain matrix products that need none, for short axes.

A product with a complex matrix needs its operand X = R + i I also turned, as i X or -i X. With a
third plane both are slices of one array: [-I, R, I] holds i X and X, [R, I, -R] holds X and -i X.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence

from torch import Tensor


class Transform(ABC):
    """A Fourier transform and its inverse, with values at all positions or at every step-th."""

    lengths: tuple[int, ...]

    @abstractmethod
    def analyse(self, x: Tensor, step: int, sign: int) -> tuple[Tensor, Tensor]:
        """Spectrum X of x, whose entries sit at positions 0, step, 2 step, ..., and sign i X.

        Both (F, 2, B, C), in one array.
        """

    @abstractmethod
    def synthesise(self, spectrum: Tensor, step: int) -> Tensor:
        """Inverse: (B, C, *sizes) at positions 0, step, 2 step, ..."""


def at_steps(grid: Tensor, sizes: Sequence[int], step: int) -> Tensor:
    """Entries 0, step, 2 step, ... on the last axes of a grid, as many as `sizes` says."""
    stops = [step * size for size in sizes]
    if len(stops) == 1:
        return grid[..., : stops[0] : step]
    return grid[..., : stops[0] : step, : stops[1] : step]


def plain_and_turned(whole: Tensor, sign: int) -> tuple[Tensor, Tensor]:
    """X and sign i X from (F, 3, B, C)."""
    first, last = whole[:, :2], whole[:, 1:]
    return (last, first) if sign > 0 else (first, last)
