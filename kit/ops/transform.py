"""Data transforms between (B, C, *sizes) and the frequency-first planar layout (F, 2, B, C).

F counts the frequencies of a half spectrum, 2 is real and imaginary part. Two realisations: the
library's FFT with a transposition, and plain matrix products that need none, for short axes.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from functools import lru_cache

import torch
from torch import Tensor

from kit.ops.plan import Setting
from kit.ops.spectrum import angles, half_weights

CHUNK_BYTES = 1 << 20
"""Working set of a chunk; about half of a core's second-level cache."""


class Transform(ABC):
    """Both directions, on the input's grid and on the output's (every stride-th position)."""

    lengths: tuple[int, ...]

    @abstractmethod
    def analyse(self, x: Tensor, step: int) -> Tensor:
        """Spectrum (F, 2, B, C) of x, whose entries sit at positions 0, step, 2 step, ..."""

    @abstractmethod
    def synthesise(self, spectrum: Tensor, step: int) -> Tensor:
        """Inverse: (B, C, *sizes) at positions 0, step, 2 step, ..."""


def padded_chunk(x: Tensor, buffer: Tensor, step: int) -> Tensor:
    """Zero-padded copy of x (planes first), entries `step` apart, in a part of `buffer`.

    `buffer` is zero outside the places that this function fills, call after call.
    """
    target = buffer[: x.shape[0], : x.shape[1]]
    if x.ndim == 3:
        target[..., : step * x.shape[2] : step] = x
    else:
        target[..., : step * x.shape[2] : step, : step * x.shape[3] : step] = x
    return target


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


def strided(x: Tensor, axes: int, step: int) -> Tensor:
    """Every step-th position of the last `axes` axes."""
    if step == 1:
        return x
    return x[..., ::step] if axes == 1 else x[..., ::step, ::step]


class FourierTransform(Transform):
    """The FFT of the library, batch chunk by batch chunk."""

    def __init__(self, setting: Setting) -> None:
        self.sizes, self.lengths = setting.sizes, setting.lengths
        self.half = (*self.lengths[:-1], self.lengths[-1] // 2 + 1)
        self.frequencies = math.prod(self.half)

    def _chunk(self, x: Tensor, channels: int) -> int:
        return max(1, CHUNK_BYTES // (2 * self.frequencies * channels * x.element_size()))

    def analyse(self, x: Tensor, step: int) -> Tensor:
        """See `Transform`."""
        batch, channels = x.shape[:2]
        axes = len(self.sizes)
        result = x.new_empty(self.frequencies, 2, batch, channels)
        chunk = min(batch, self._chunk(x, channels))
        buffer = x.new_zeros(chunk, channels, *self.lengths)
        for start in range(0, batch, chunk):
            part = padded_chunk(x[start : start + chunk], buffer, step)
            spectrum = torch.view_as_real(real_transform(part, axes))
            spectrum = spectrum.reshape(part.shape[0], channels, self.frequencies, 2)
            result[:, :, start : start + chunk] = spectrum.permute(2, 3, 0, 1)
        return result

    def synthesise(self, spectrum: Tensor, step: int) -> Tensor:
        """See `Transform`."""
        batch, channels = spectrum.shape[2:]
        axes = len(self.sizes)
        result = spectrum.new_empty(batch, channels, *[-(-n // step) for n in self.sizes])
        chunk = min(batch, self._chunk(spectrum, channels))
        # As a transposition of one matrix, which has a blocked kernel; a permuted copy has not.
        planes = spectrum.view(2 * self.frequencies, batch * channels).t().contiguous()
        whole = torch.view_as_complex(planes.view(batch, channels, *self.half, 2))
        for start in range(0, batch, chunk):
            found = inverse_transform(whole[start : start + chunk], self.lengths, self.sizes)
            result[start : start + chunk] = strided(found, axes, step)
        return result


class MatrixTransform(Transform):
    """Discrete Fourier transform by matrix products with constant matrices."""

    def __init__(self, setting: Setting, like: Tensor) -> None:
        self.sizes, self.lengths = setting.sizes, setting.lengths
        self.like = like
        self.frequencies = math.prod((*self.lengths[:-1], self.lengths[-1] // 2 + 1))
        self._matrices: dict[int, tuple[tuple[Tensor, ...], tuple[Tensor, ...]]] = {}

    def matrices(self, step: int) -> tuple[tuple[Tensor, ...], tuple[Tensor, ...]]:
        """Analysis and synthesis matrices, each for the row axis (of two) and the last axis.

        Analysis: (2 N_1, n_1) for real rows, (2 F, 2 n_2) for what comes of them, or (2 F, n) on
        one axis; synthesis: the same the other way round. Real and imaginary parts alternate in
        the frequencies (F, 2), and come one after the other in the positions (2, n).
        """
        if step not in self._matrices:
            length, n = self.lengths[-1], self.sizes[-1]
            positions, frequencies = torch.arange(0, n, step), torch.arange(length // 2 + 1)
            angle = angles(frequencies, positions, length)
            cosine, sine = torch.cos(angle), torch.sin(angle)
            weight = half_weights(length)[:, None]
            if len(self.sizes) == 1:
                analysis = torch.stack((cosine, -sine), 1).flatten(0, 1)
                synthesis = torch.stack((weight * cosine, -weight * sine), 1).flatten(0, 1).t()
                self._matrices[step] = (self._own(analysis),), (self._own(synthesis),)
            else:
                real, imaginary = torch.cat((cosine, sine), 1), torch.cat((-sine, cosine), 1)
                last = torch.stack((real, imaginary), 1).flatten(0, 1)
                height = self.lengths[0]
                rows = angles(torch.arange(height), torch.arange(0, self.sizes[0], step), height)
                cosine, sine = torch.cos(rows), torch.sin(rows)
                first = torch.stack((cosine, -sine), 1).flatten(0, 1)
                back_last = last * weight.repeat_interleave(2, 0)
                back_first = first / height
                self._matrices[step] = (
                    (self._own(first), self._own(last)),
                    (self._own(back_first.t()), self._own(back_last.t())),
                )
        return self._matrices[step]

    def _own(self, matrix: Tensor) -> Tensor:
        return matrix.to(self.like).contiguous()

    def analyse(self, x: Tensor, step: int) -> Tensor:
        """See `Transform`."""
        batch, channels = x.shape[:2]
        planes = x.reshape(batch * channels, -1).t()
        matrices = self.matrices(step)[0]
        if len(self.sizes) == 1:
            return (matrices[0] @ planes).view(-1, 2, batch, channels)
        height, width = x.shape[2:]
        count = self.lengths[0]
        rows = matrices[0] @ planes.reshape(height, -1)
        rows = rows.view(count, 2 * width, -1)
        return torch.bmm(matrices[1].expand(count, -1, -1), rows).view(-1, 2, batch, channels)

    def synthesise(self, spectrum: Tensor, step: int) -> Tensor:
        """See `Transform`."""
        batch, channels = spectrum.shape[2:]
        matrices = self.matrices(step)[1]
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
def matrix_transform(setting: Setting, dtype: torch.dtype, device: torch.device) -> MatrixTransform:
    """The matrices of a setting."""
    return MatrixTransform(setting, torch.empty(0, dtype=dtype, device=device))
