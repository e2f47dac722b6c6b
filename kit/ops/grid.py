"""Transforms of the planes of a depthwise AggConv, in chunks that fit into the cache."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator

import torch
from torch import Tensor

from kit.ops.plan import ConvShape
from kit.ops.taps import distinct_taps
from kit.ops.wrapping import Wrapping

CHUNK_BYTES = 1 << 20
"""Size of a chunk of planes per thread: a few such arrays fill a core's second-level cache."""


class Grid(ABC):
    """Transforms of a convolution's planes.

    Attributes:
        together: how many samples share one transform.
        multiple: every transform length is a multiple of it.
    """

    together = 1
    multiple = 2

    def __init__(
        self, conv: ConvShape, dtype: torch.dtype, device: torch.device, fast: bool
    ) -> None:
        self.chunk_bytes = CHUNK_BYTES if fast else CHUNK_BYTES // 8
        plan = distinct_taps(conv, dtype, device)
        self.merging = plan.merging
        self.offsets = plan.offsets
        self.wrapping = Wrapping(conv, plan.offsets, self.multiple, device)
        self.sizes, self.lengths = conv.sizes, self.wrapping.lengths

    def chunks(self, x: Tensor) -> Iterator[tuple[slice, list[slice]]]:
        """Yield slices of the channels, each with slices of the batch.

        A chunk is of whole samples where they fit, else of some channels of `together` samples.
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
        """Return an array in which chunks no larger than `part` can be padded."""

    @abstractmethod
    def analyse(self, part: Tensor, buffer: Tensor, step: int, back: bool) -> Tensor:
        """Return spectra of a chunk whose entries sit at positions 0, step, 2 step, ...

        If `back`, the chunk is of a gradient, and its spectra have the form that the other methods
        take in the backward pass.
        """

    @abstractmethod
    def filtered(self, spectrum: Tensor, response: Tensor, buffer: Tensor) -> Tensor:
        """Return spectra times responses; what `analyse` left in the buffer may be overwritten."""

    @abstractmethod
    def synthesise(self, spectrum: Tensor, into: Tensor, step: int, back: bool) -> None:
        """Write the inverse transform at positions 0, step, 2 step, ..."""

    @abstractmethod
    def correlation(self, upstream: Tensor, spectrum: Tensor) -> Tensor:
        """Return conjugate gradient spectra times data spectra; `upstream` is overwritten."""

    @abstractmethod
    def responses(self, chunks: Iterable[Tensor]) -> Iterator[Tensor]:
        """Yield the kernel spectra of chunks (taps, C), of which none is wider than the first."""

    @abstractmethod
    def turned(self, response: Tensor) -> Tensor:
        """Return the response by which gradients are filtered in the backward pass."""

    @abstractmethod
    def taps(self, total: Tensor) -> Tensor:
        """Return the taps' gradient (taps, C) from a sum of correlations."""
