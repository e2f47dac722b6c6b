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
from functools import lru_cache

import torch
from torch import Tensor

from kit.ops.plan import ConvShape, transform_length
from kit.ops.spectrum import angles, half_weights
from kit.ops.taps import distinct_taps
from kit.ops.transform import at_steps

CHUNK_BYTES = 1 << 20
"""Size of a chunk of planes per thread: a few such arrays fill a core's second-level cache."""

MULTIPLE = 4
"""Complex transforms of other even lengths take up to twice the time per point."""


class Grid(ABC):
    """Planes of a convolution; samples travel `together` at a time."""

    together = 1

    def __init__(
        self, conv: ConvShape, dtype: torch.dtype, device: torch.device, fast: bool
    ) -> None:
        self.chunk_bytes = CHUNK_BYTES if fast else CHUNK_BYTES // 8
        self.sizes, self.lengths = conv.sizes, conv.lengths
        plan = distinct_taps(conv, dtype, device)
        self.merging = plan.merging
        self.offsets = plan.offsets

    def chunks(self, x: Tensor) -> Iterator[tuple[slice, list[slice]]]:
        """Slices of channels and, for each, of the batch.

        Whole samples where they fit, else channels of a few.
        """
        batch, channels = x.shape[:2]
        rows = -(-batch // self.together)
        size = math.prod(self.lengths) * rows * channels * self.together * x.element_size()
        parts = max(1, round(size / self.chunk_bytes / torch.get_num_threads()))
        if parts <= rows:
            step, width = -(-rows // parts) * self.together, channels
        else:
            step, width = self.together, -(-channels * rows // parts)
        samples = [slice(row, min(batch, row + step)) for row in range(0, batch, step)]
        for column in range(0, channels, width):
            yield slice(column, min(channels, column + width)), samples

    @abstractmethod
    def buffer(self, part: Tensor, step: int) -> Tensor:
        """Where chunks no larger than `part` are padded."""

    @abstractmethod
    def analyse(self, part: Tensor, buffer: Tensor, step: int, back: bool) -> Tensor:
        """Spectra of a chunk whose entries sit at positions 0, step, 2 step, ...

        If `back`, of a gradient, in the form that the other methods take on the way back.
        """

    @abstractmethod
    def filtered(self, spectrum: Tensor, response: Tensor, buffer: Tensor) -> Tensor:
        """Spectra times responses. What `analyse` left in the buffer may be used up."""

    @abstractmethod
    def synthesise(self, spectrum: Tensor, into: Tensor, step: int, back: bool) -> None:
        """Write the inverse transform at positions 0, step, 2 step, ..."""

    @abstractmethod
    def correlation(self, upstream: Tensor, spectrum: Tensor) -> Tensor:
        """Conjugate gradients times data spectra. `upstream` is used up."""

    @abstractmethod
    def response(self, taps: Tensor) -> Tensor:
        """Spectra of the kernels of which (taps, C) are given."""

    @abstractmethod
    def turned(self, response: Tensor) -> Tensor:
        """What gradients are filtered with."""

    @abstractmethod
    def taps(self, total: Tensor) -> Tensor:
        """Adjoint of `response`, from the sum of correlations."""


class RealGrid(Grid):
    """One axis: real transforms to (batch, C, N / 2 + 1); of the few taps by a matrix product.

    The buffer has room for spectra: products with the response are made where the data were padded.
    """

    def __init__(
        self, conv: ConvShape, dtype: torch.dtype, device: torch.device, fast: bool
    ) -> None:
        super().__init__(conv, dtype, device, fast)
        length = self.lengths[0]
        angle = angles(self.offsets[:, 0], torch.arange(length // 2 + 1), length)
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
        found = torch.fft.irfft(spectrum, self.lengths[0])
        into.copy_(at_steps(found, into.shape[2:], step))

    def correlation(self, upstream: Tensor, spectrum: Tensor) -> Tensor:
        """See `Grid`."""
        return upstream.conj_physical_().mul_(spectrum)

    def response(self, taps: Tensor) -> Tensor:
        """See `Grid`."""
        return torch.view_as_complex((taps.t() @ self.waves).view(taps.shape[1], -1, 2))

    def turned(self, response: Tensor) -> Tensor:
        """See `Grid`."""
        return response.conj_physical()

    def taps(self, total: Tensor) -> Tensor:
        """See `Grid`."""
        return self.back @ torch.view_as_real(total).flatten(1).t()


class PairGrid(Grid):
    """Two axes: complex transforms of pairs of samples to (batch / 2, C, N_1, N_2).

    On the way back the samples change places and the transforms their direction. That gives
    i conj(G) for the gradient's spectrum G without a pass over the data.
    """

    together = 2

    def __init__(
        self, conv: ConvShape, dtype: torch.dtype, device: torch.device, fast: bool
    ) -> None:
        super().__init__(conv, dtype, device, fast)
        sizes, gaps = conv.kernel_sizes, conv.dilations
        self.lengths = tuple(transform_length(n, sizes, gaps, MULTIPLE) for n in conv.sizes)
        height, width = self.lengths
        rows, columns = self.offsets.unbind(1)
        # The operator is a correlation, so that the kernel lies at minus the offsets.
        self.places = (rows % height * width + columns % width).to(device)
        self.mirrored = (-rows % height * width + -columns % width).to(device)

    def buffer(self, part: Tensor, step: int) -> Tensor:
        """See `Grid`. Zero beside what `analyse` fills."""
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
            found = at_steps(torch.fft.fft2(spectrum, norm="forward"), into.shape[2:], step)
            first, second = found.imag, found.real
        else:
            found = at_steps(torch.fft.ifft2(spectrum), into.shape[2:], step)
            first, second = found.real, found.imag
        into[0::2] = first
        into[1::2] = second[: into.shape[0] // 2]

    def correlation(self, upstream: Tensor, spectrum: Tensor) -> Tensor:
        """See `Grid`."""
        return upstream.mul_(spectrum)

    def response(self, taps: Tensor) -> Tensor:
        """See `Grid`."""
        dtype = torch.promote_types(taps.dtype, torch.cfloat)
        planes = taps.new_zeros(taps.shape[1], *self.lengths, dtype=dtype)
        planes.flatten(1).real[:, self.mirrored] = taps.t()
        return torch.fft.fft2(planes)

    def turned(self, response: Tensor) -> Tensor:
        """See `Grid`."""
        return response

    def taps(self, total: Tensor) -> Tensor:
        """See `Grid`."""
        return torch.fft.ifft2(total).flatten(1)[:, self.places].imag.t()


@lru_cache(maxsize=64)
def grid_of(conv: ConvShape, dtype: torch.dtype, device: torch.device, fast: bool) -> Grid:
    """The grid of a convolution, with small chunks where memory counts."""
    kind = RealGrid if len(conv.sizes) == 1 else PairGrid
    return kind(conv, dtype, device, fast)
