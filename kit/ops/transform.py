"""Data transforms between (B, C, *sizes) and the frequency-first planar layout (F, 2, B, C).

F counts the frequencies of a half spectrum, 2 is real and imaginary part. Two realisations: the
library's FFT with a transposition, and plain matrix products that need none, for short axes.

A product with a complex matrix needs its operand X = R + i I also turned, as i X or -i X. With a
third plane both are slices of one array: [-I, R, I] holds i X and X, [R, I, -R] holds X and -i X.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Sequence
from functools import lru_cache

import torch
from torch import Tensor

from kit.ops.plan import ConvShape
from kit.ops.spectrum import angles, half_weights

CHUNK_BYTES = 1 << 20
"""Working set of a chunk; about half of a core's second-level cache."""


class Transform(ABC):
    """Both directions, on the input's grid and on the output's (every stride-th position)."""

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


def real_transform(padded: Tensor, axes: int) -> Tensor:
    """Half spectrum over the last `axes` axes."""
    spectrum: Tensor = torch.fft.rfft(padded) if axes == 1 else torch.fft.rfft2(padded)
    return spectrum


def inverse_transform(spectrum: Tensor, lengths: tuple[int, ...], sizes: tuple[int, ...]) -> Tensor:
    """Inverse of a half spectrum, cropped to `sizes`; rows that are cropped are not computed."""
    if len(sizes) == 2:
        spectrum = torch.fft.ifft(spectrum, dim=-2)[..., : sizes[0], :]
    result: Tensor = torch.fft.irfft(spectrum, lengths[-1])
    return result[..., : sizes[-1]]


def plain_and_turned(whole: Tensor, sign: int) -> tuple[Tensor, Tensor]:
    """X and sign i X from (F, 3, B, C)."""
    first, last = whole[:, :2], whole[:, 1:]
    return (last, first) if sign > 0 else (first, last)


class FourierTransform(Transform):
    """The FFT of the library, batch chunk by batch chunk."""

    def __init__(self, conv: ConvShape) -> None:
        self.sizes, self.lengths = conv.sizes, conv.lengths
        self.half = (*self.lengths[:-1], self.lengths[-1] // 2 + 1)
        self.frequencies = math.prod(self.half)

    def _chunk(self, x: Tensor, channels: int) -> int:
        return max(1, CHUNK_BYTES // (2 * self.frequencies * channels * x.element_size()))

    def analyse(self, x: Tensor, step: int, sign: int) -> tuple[Tensor, Tensor]:
        """See `Transform`."""
        batch, channels = x.shape[:2]
        axes = len(self.sizes)
        whole = x.new_empty(self.frequencies, 3, batch, channels)
        result, turned = plain_and_turned(whole, sign)
        chunk = min(batch, self._chunk(x, channels))
        buffer = x.new_zeros(chunk, channels, *self.lengths)
        for start in range(0, batch, chunk):
            part = x[start : start + chunk]
            padded = buffer[: part.shape[0]]
            at_steps(padded, part.shape[2:], step).copy_(part)
            spectrum = torch.view_as_real(real_transform(padded, axes))
            spectrum = spectrum.reshape(part.shape[0], channels, self.frequencies, 2)
            result[:, :, start : start + chunk] = spectrum.permute(2, 3, 0, 1)
        if sign > 0:
            torch.neg(result[:, 1], out=turned[:, 0])
        else:
            torch.neg(result[:, 0], out=turned[:, 1])
        return result, turned

    def synthesise(self, spectrum: Tensor, step: int) -> Tensor:
        """See `Transform`."""
        batch, channels = spectrum.shape[2:]
        result = spectrum.new_empty(batch, channels, *[-(-n // step) for n in self.sizes])
        chunk = min(batch, self._chunk(spectrum, channels))
        # As a transposition of one matrix, which has a blocked kernel; a permuted copy has not.
        planes = spectrum.view(2 * self.frequencies, batch * channels).t().contiguous()
        whole = torch.view_as_complex(planes.view(batch, channels, *self.half, 2))
        for start in range(0, batch, chunk):
            found = inverse_transform(whole[start : start + chunk], self.lengths, self.sizes)
            result[start : start + chunk] = at_steps(found, result.shape[2:], step)
        return result


class MatrixTransform(Transform):
    """Discrete Fourier transform by matrix products with constant matrices."""

    def __init__(self, conv: ConvShape, like: Tensor) -> None:
        self.sizes, self.lengths = conv.sizes, conv.lengths
        self.like = like
        self.frequencies = math.prod((*self.lengths[:-1], self.lengths[-1] // 2 + 1))
        self._analysis: dict[tuple[int, int], tuple[Tensor, ...]] = {}
        self._synthesis: dict[int, tuple[Tensor, ...]] = {}

    def _last(self, step: int) -> tuple[Tensor, Tensor]:
        """Real and imaginary part of e^(-i f t) on the last axis, (N / 2 + 1, n)."""
        length = self.lengths[-1]
        positions = torch.arange(0, self.sizes[-1], step)
        angle = angles(torch.arange(length // 2 + 1), positions, length)
        real, imaginary = torch.cos(angle), -torch.sin(angle)
        if len(self.sizes) == 2:  # of complex data, real and imaginary parts one after the other
            real, imaginary = torch.cat((real, -imaginary), 1), torch.cat((imaginary, real), 1)
        return real, imaginary

    def _first(self, step: int) -> Tensor:
        """(2 N_1, n_1): the same on the first axis of two, for real data, parts alternating."""
        height = self.lengths[0]
        angle = angles(torch.arange(height), torch.arange(0, self.sizes[0], step), height)
        return torch.stack((torch.cos(angle), -torch.sin(angle)), 1).flatten(0, 1)

    def analysis(self, step: int, sign: int) -> tuple[Tensor, ...]:
        """Matrices for the first axis (of two) and the last one, the latter for three planes."""
        if (step, sign) not in self._analysis:
            real, imaginary = self._last(step)
            planes = (-imaginary, real, imaginary) if sign > 0 else (real, imaginary, -real)
            matrices = [torch.stack(planes, 1).flatten(0, 1)]
            if len(self.sizes) == 2:
                matrices.insert(0, self._first(step))
            self._analysis[step, sign] = self._own(matrices)
        return self._analysis[step, sign]

    def synthesis(self, step: int) -> tuple[Tensor, ...]:
        """Matrices of the inverse, transposed: for the first axis (of two) and the last one."""
        if step not in self._synthesis:
            weight = half_weights(self.lengths[-1])[:, None]
            matrices = [(torch.stack(self._last(step), 1) * weight[:, None]).flatten(0, 1).t()]
            if len(self.sizes) == 2:
                matrices.insert(0, self._first(step).t() / self.lengths[0])
            self._synthesis[step] = self._own(matrices)
        return self._synthesis[step]

    def _own(self, matrices: list[Tensor]) -> tuple[Tensor, ...]:
        return tuple(matrix.to(self.like).contiguous() for matrix in matrices)

    def analyse(self, x: Tensor, step: int, sign: int) -> tuple[Tensor, Tensor]:
        """See `Transform`."""
        batch, channels = x.shape[:2]
        planes = x.reshape(batch * channels, -1).t()
        *first, last = self.analysis(step, sign)
        if not first:
            found = last @ planes
        else:
            count, width = self.lengths[0], x.shape[3]
            rows = (first[0] @ planes.reshape(x.shape[2], -1)).view(count, 2 * width, -1)
            found = torch.bmm(last.expand(count, -1, -1), rows)
        return plain_and_turned(found.view(-1, 3, batch, channels), sign)

    def synthesise(self, spectrum: Tensor, step: int) -> Tensor:
        """See `Transform`."""
        batch, channels = spectrum.shape[2:]
        matrices = self.synthesis(step)
        if len(self.sizes) == 1:
            flat = spectrum.view(-1, batch * channels)
            return (flat.t() @ matrices[0].t()).view(batch, channels, -1)
        count, shape = self.lengths[0], [-(-n // step) for n in self.sizes]
        rows = torch.bmm(
            matrices[1].expand(count, -1, -1), spectrum.view(count, -1, batch * channels)
        )
        found = matrices[0] @ rows.view(2 * count, -1)
        found = found.view(-1, batch * channels).t().contiguous()
        return found.view(batch, channels, *shape)


@lru_cache(maxsize=64)
def matrix_transform(conv: ConvShape, dtype: torch.dtype, device: torch.device) -> MatrixTransform:
    """The matrices of a convolution."""
    return MatrixTransform(conv, torch.empty(0, dtype=dtype, device=device))
