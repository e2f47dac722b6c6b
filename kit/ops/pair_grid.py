"""Depthwise AggConv on two axes: complex transforms of pairs of samples.

Two samples of a batch travel as the real and the imaginary part of one complex plane: the kernel of
a channel is the same for both and real, so neither part leaks into the other, and the library's
complex transforms take half of the time of its real ones. The correlation of two such planes has
the sum over both samples as its real part, which is what the taps' gradient needs.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from kit.ops.grid import Grid
from kit.ops.plan import ConvShape
from kit.ops.transform import at_steps


class PairGrid(Grid):
    """Two axes: complex transforms of pairs of samples to (batch / 2, C, N_1, N_2).

    On the way back the samples change places and the transforms their direction. That gives
    i conj(G) for the gradient's spectrum G without a pass over the data.
    """

    together = 2
    multiple = 4  # complex transforms of other even lengths take up to twice the time per point

    def __init__(
        self, conv: ConvShape, dtype: torch.dtype, device: torch.device, fast: bool
    ) -> None:
        super().__init__(conv, dtype, device, fast)
        height, width = self.lengths
        rows, columns = self.offsets.unbind(1)
        # The operator is a correlation, so that the kernel lies at minus the offsets.
        self.places = (rows % height * width + columns % width).to(device)
        self.mirrored = (-rows % height * width + -columns % width).to(device)

    def buffer(self, part: Tensor, step: int) -> Tensor:
        """See `Grid`. The buffer is zero wherever `analyse` does not write."""
        dtype = torch.promote_types(part.dtype, torch.cfloat)
        buffer = part.new_empty(-(-len(part) // 2), part.shape[1], *self.lengths, dtype=dtype)
        if step > 1:
            return buffer.zero_()
        for axis, (n, length) in enumerate(zip(self.sizes, self.lengths, strict=True), 2):
            buffer.narrow(axis, n, length - n).zero_()
        return buffer

    def analyse(self, part: Tensor, buffer: Tensor, step: int, back: bool) -> Tensor:
        """See `Grid`."""
        first, second = part[0::2], part[1::2]
        if len(first) > len(second):
            second = torch.cat((second, torch.zeros_like(first[:1])))
        padded = buffer[: len(first), : part.shape[1]]
        places = at_steps(padded, part.shape[2:], step)
        if back:
            torch.complex(second, first, out=places)
            return torch.fft.ifft2(padded, norm="forward")
        torch.complex(first, second, out=places)
        return torch.fft.fft2(padded)

    def filtered(self, spectrum: Tensor, response: Tensor, buffer: Tensor) -> Tensor:
        """See `Grid`."""
        return spectrum * response

    def synthesise(self, spectrum: Tensor, into: Tensor, step: int, back: bool) -> None:
        """See `Grid`."""
        if back:
            planes = at_steps(torch.fft.fft2(spectrum, norm="forward"), into.shape[2:], step)
            first, second = planes.imag, planes.real
        else:
            planes = at_steps(torch.fft.ifft2(spectrum), into.shape[2:], step)
            first, second = planes.real, planes.imag
        into[0::2] = first
        into[1::2] = second[: into.shape[0] // 2]

    def correlation(self, upstream: Tensor, spectrum: Tensor) -> Tensor:
        """See `Grid`."""
        return upstream.mul_(spectrum)

    def responses(self, chunks: Iterable[Tensor]) -> Iterator[Tensor]:
        """See `Grid`. All chunks have taps at the same places, so the rest is zeroed once."""
        planes: Tensor | None = None
        for taps in chunks:
            if planes is None:
                dtype = torch.promote_types(taps.dtype, torch.cfloat)
                planes = taps.new_zeros(taps.shape[1], *self.lengths, dtype=dtype)
            part = planes[: taps.shape[1]]
            part.flatten(1).real[:, self.mirrored] = taps.t()
            yield torch.fft.fft2(part)

    def turned(self, response: Tensor) -> Tensor:
        """See `Grid`."""
        return response

    def taps(self, total: Tensor) -> Tensor:
        """See `Grid`."""
        return torch.fft.ifft2(total).flatten(1)[:, self.places].imag.t()
