"""Depthwise AggConv on one axis: real transforms, to half a spectrum."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from kit.ops.angles import angles, half_weights
from kit.ops.grid import Grid
from kit.ops.plan import ConvShape
from kit.ops.transform import at_steps


class RealGrid(Grid):
    """One axis: real transforms to (batch, C, N / 2 + 1); those of the taps are matrix products.

    The buffer has room for spectra, so that a product with the response overwrites the padded data.
    """

    def __init__(
        self, conv: ConvShape, dtype: torch.dtype, device: torch.device, fast: bool
    ) -> None:
        super().__init__(conv, dtype, device, fast)
        length = self.lengths[0]
        angle = angles(self.offsets[:, 0], torch.arange(length // 2 + 1, device="cpu"), length)
        weights = half_weights(length)
        waves = torch.stack((torch.cos(angle), torch.sin(angle)), 2)
        back = torch.stack((weights * torch.cos(angle), -weights * torch.sin(angle)), 2)
        self.waves = waves.flatten(1).to(device, dtype)
        self.back = back.flatten(1).to(device, dtype)

    def buffer(self, part: Tensor, step: int) -> Tensor:
        """See `Grid`."""
        return part.new_empty(*part.shape[:2], self.lengths[0] + 2)

    def analyse(self, part: Tensor, buffer: Tensor, step: int, back: bool) -> Tensor:
        """See `Grid`."""
        padded = buffer[: part.shape[0], : part.shape[1], : self.lengths[0]]
        padded[..., 0 if step > 1 else part.shape[2] :].zero_()
        at_steps(padded, part.shape[2:], step).copy_(part)
        spectrum: Tensor = torch.fft.rfft(padded)
        return spectrum

    def filtered(self, spectrum: Tensor, response: Tensor, buffer: Tensor) -> Tensor:
        """See `Grid`."""
        place = buffer[: spectrum.shape[0], : spectrum.shape[1]].unflatten(2, (-1, 2))
        return torch.mul(spectrum, response, out=torch.view_as_complex(place))

    def synthesise(self, spectrum: Tensor, into: Tensor, step: int, back: bool) -> None:
        """See `Grid`."""
        result = torch.fft.irfft(spectrum, self.lengths[0])
        into.copy_(at_steps(result, into.shape[2:], step))

    def correlation(self, upstream: Tensor, spectrum: Tensor) -> Tensor:
        """See `Grid`."""
        return upstream.conj_physical_().mul_(spectrum)

    def responses(self, chunks: Iterable[Tensor]) -> Iterator[Tensor]:
        """See `Grid`."""
        for taps in chunks:
            yield torch.view_as_complex((taps.t() @ self.waves).view(taps.shape[1], -1, 2))

    def turned(self, response: Tensor) -> Tensor:
        """See `Grid`."""
        return response.conj_physical()

    def taps(self, total: Tensor) -> Tensor:
        """See `Grid`."""
        return self.back @ torch.view_as_real(total).flatten(1).t()
