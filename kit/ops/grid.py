"""What transforms the planes of a depthwise AggConv, in chunks of planes that stay in the cache."""

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
    """Planes of a convolution; samples travel `together` at a time.

    Transform lengths are a `multiple`.
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
    def responses(self, chunks: Iterable[Tensor]) -> Iterator[Tensor]:
        """Spectra of the kernels of chunks of (taps, C), of which none is wider than the first."""

    @abstractmethod
    def turned(self, response: Tensor) -> Tensor:
        """What gradients are filtered with."""

    @abstractmethod
    def taps(self, total: Tensor) -> Tensor:
        """Adjoint of `responses`, from the sum of correlations."""
