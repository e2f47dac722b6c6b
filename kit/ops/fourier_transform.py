"""The data transform of dense AggConv by the library's FFT and a transposition."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from kit.ops.plan import ConvShape
from kit.ops.transform import Transform, at_steps, plain_and_turned

CHUNK_BYTES = 1 << 20
"""Working set of a chunk; about half of a core's second-level cache."""


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
        # Transposing one matrix is faster than permuting: torch has a blocked kernel for it.
        planes = spectrum.view(2 * self.frequencies, batch * channels).t().contiguous()
        whole = torch.view_as_complex(planes.view(batch, channels, *self.half, 2))
        for start in range(0, batch, chunk):
            part = inverse_transform(whole[start : start + chunk], self.lengths, self.sizes)
            result[start : start + chunk] = at_steps(part, result.shape[2:], step)
        return result


def real_transform(padded: Tensor, axes: int) -> Tensor:
    """Return the half spectrum over the last `axes` axes."""
    spectrum: Tensor = torch.fft.rfft(padded) if axes == 1 else torch.fft.rfft2(padded)
    return spectrum


def inverse_transform(spectrum: Tensor, lengths: tuple[int, ...], sizes: tuple[int, ...]) -> Tensor:
    """Return the inverse of a half spectrum, cropped to `sizes`; cropped rows are not computed."""
    if len(sizes) == 2:
        spectrum = torch.fft.ifft(spectrum, dim=-2)[..., : sizes[0], :]
    result: Tensor = torch.fft.irfft(spectrum, lengths[-1])
    return result[..., : sizes[-1]]
