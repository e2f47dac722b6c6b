"""Transforms of the planes of a depthwise AggConv, in chunks of planes that stay in the cache.

On one axis a plane is transformed as real data, to half a spectrum. On two axes two samples of a
batch travel as the real and the imaginary part of one complex plane: the kernel of a channel is the
same for both and real, so neither part leaks into the other, and the library's complex transforms
take half of the time of its real ones. The correlation of two such planes has the sum over both
samples as its real part, which is what the taps' gradient needs.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterator

import torch
from torch import Tensor

from kit.ops.plan import Setting
from kit.ops.transform import padded_chunk, strided

CHUNK_BYTES = 1 << 20
"""Size of a chunk of planes per thread: a few such arrays fill a core's second-level cache."""


class Grid(ABC):
    """Planes of a setting; samples travel `together` at a time."""

    together = 1

    def __init__(self, setting: Setting, fast: bool) -> None:
        self.chunk_bytes = CHUNK_BYTES if fast else CHUNK_BYTES // 8
        self.sizes, self.lengths = setting.sizes, setting.lengths
        self.axes = len(self.sizes)

    def chunks(self, x: Tensor) -> Iterator[tuple[slice, slice]]:
        """Slices of batch and channels: whole samples where they fit, else channels of a few."""
        batch, channels = x.shape[:2]
        plane = math.prod(self.lengths) * x.element_size() * self.together
        planes = max(1, self.chunk_bytes * torch.get_num_threads() // plane)
        columns = min(channels, planes)
        rows = max(1, planes // channels) * self.together
        for column in range(0, channels, columns):
            for row in range(0, batch, rows):
                yield (
                    slice(row, min(batch, row + rows)),
                    slice(column, min(channels, column + columns)),
                )

    @abstractmethod
    def buffer(self, part: Tensor) -> Tensor:
        """Zeros in which chunks no larger than `part` are padded."""

    @abstractmethod
    def analyse(self, part: Tensor, buffer: Tensor, step: int) -> Tensor:
        """Spectra of a chunk whose entries sit at positions 0, step, 2 step, ..."""

    @abstractmethod
    def synthesise(self, spectrum: Tensor, into: Tensor, step: int) -> None:
        """Write the inverse transform at positions 0, step, 2 step, ... `spectrum` is used up."""

    @abstractmethod
    def response(self, taps: Tensor, positions: Tensor) -> Tensor:
        """Spectra of the kernels given as (taps, C) at flat grid positions."""

    @abstractmethod
    def taps(self, total: Tensor, positions: Tensor) -> Tensor:
        """Adjoint of `response`, from the sum of data spectrum times conjugate gradient."""

    def _planes(self, taps: Tensor, positions: Tensor) -> Tensor:
        planes = taps.new_zeros(taps.shape[1], math.prod(self.lengths))
        planes[:, positions] = taps.t()
        return planes.view(-1, *self.lengths)


class RealGrid(Grid):
    """One axis: real transforms to (batch, C, N / 2 + 1)."""

    def buffer(self, part: Tensor) -> Tensor:
        """See `Grid`."""
        return part.new_zeros(*part.shape[:2], *self.lengths)

    def analyse(self, part: Tensor, buffer: Tensor, step: int) -> Tensor:
        """See `Grid`."""
        spectrum: Tensor = torch.fft.rfft(padded_chunk(part, buffer, step))
        return spectrum

    def synthesise(self, spectrum: Tensor, into: Tensor, step: int) -> None:
        """See `Grid`."""
        found = torch.fft.irfft(spectrum, self.lengths[0])
        into.copy_(found[..., : self.sizes[0] : step])

    def response(self, taps: Tensor, positions: Tensor) -> Tensor:
        """See `Grid`."""
        spectrum: Tensor = torch.fft.rfft(self._planes(taps, positions))
        return spectrum

    def taps(self, total: Tensor, positions: Tensor) -> Tensor:
        """See `Grid`."""
        # The positions hold minus the offsets, hence the conjugate.
        planes = torch.fft.irfft(total.conj(), self.lengths[0])
        return planes[:, positions].t()


class PairGrid(Grid):
    """Two axes: complex transforms of pairs of samples to (batch / 2, C, N_1, N_2)."""

    together = 2

    def buffer(self, part: Tensor) -> Tensor:
        """See `Grid`."""
        pairs = (part.shape[0] + 1) // 2
        dtype = torch.promote_types(part.dtype, torch.complex64)
        return part.new_zeros(pairs, part.shape[1], *self.lengths, dtype=dtype)

    def analyse(self, part: Tensor, buffer: Tensor, step: int) -> Tensor:
        """See `Grid`."""
        first, second = part[0::2], part[1::2]
        if len(first) > len(second):
            lonely = torch.zeros_like(first[-1:])
            second = torch.cat((second, lonely)) if len(second) else lonely
        spectrum: Tensor = torch.fft.fft2(padded_chunk(torch.complex(first, second), buffer, step))
        return spectrum

    def synthesise(self, spectrum: Tensor, into: Tensor, step: int) -> None:
        """See `Grid`."""
        found = torch.fft.ifft2(spectrum)[..., : self.sizes[0], : self.sizes[1]]
        found = strided(found, 2, step)
        into[0::2] = found.real
        into[1::2] = found.imag[: into.shape[0] // 2]

    def response(self, taps: Tensor, positions: Tensor) -> Tensor:
        """See `Grid`."""
        spectrum: Tensor = torch.fft.fft2(self._planes(taps, positions))
        return spectrum

    def taps(self, total: Tensor, positions: Tensor) -> Tensor:
        """See `Grid`."""
        planes = torch.fft.ifft2(total).real.flatten(1)
        # Minus the positions, as `total` is the conjugate of what belongs to them.
        height, width = self.lengths
        rows = torch.remainder(-(positions // width), height)
        columns = torch.remainder(-(positions % width), width)
        return planes[:, rows * width + columns].t()


def grid_of(setting: Setting, fast: bool) -> Grid:
    """The grid of a setting, with small chunks where memory counts."""
    return RealGrid(setting, fast) if len(setting.sizes) == 1 else PairGrid(setting, fast)
