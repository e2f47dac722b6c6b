"""Parameters and multiply-adds of cells' networks, without building them. No torch."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from kit.search import arguments
from kit.spaces.nas_bench_201.cell import EDGES, Cell

CHANNELS, CELLS, STAGES = 16, 5, 3
"""Of the published networks: channels of the first stage, cells of each stage, stages."""


@dataclass(frozen=True)
class Costs:
    """The costs of a network or of a part of one.

    Attributes:
        parameters: number of trainable parameters.
        multiply_adds: number of multiply-adds of convolutions and the linear layer with its bias,
            for one sample. As in the published tables, the linear layer of a dense network is
            counted at one position.
    """

    parameters: int = 0
    multiply_adds: int = 0

    def __add__(self, other: Costs) -> Costs:
        return Costs(self.parameters + other.parameters, self.multiply_adds + other.multiply_adds)

    def __mul__(self, times: int) -> Costs:
        return Costs(self.parameters * times, self.multiply_adds * times)


class Counter:
    """Counts the costs of the networks of all cells for samples of one shape.

    Args:
        sample_shape: (channels, *sizes).
        outputs: classes or numbers for a sample, or for each position if ``dense``.
        dense: whether the networks return outputs for each position; then nothing halves the map.
        channels: channels of the first stage; each further stage has twice as many.
        cells: number of cells of each stage.

    Raises:
        ValueError: a size is no whole number of at least 1.
    """

    def __init__(
        self,
        sample_shape: Sequence[int],
        outputs: int,
        *,
        dense: bool = False,
        channels: int = CHANNELS,
        cells: int = CELLS,
    ) -> None:
        inputs, *sizes = arguments.shape(sample_shape, name="sample_shape")
        arguments.check_whole(outputs=outputs, channels=channels, cells=cells)
        self.dims = len(sizes)
        self.fixed = self._conv(inputs, channels, 3, sizes)
        self.edges: list[dict[str, Costs]] = [{} for _ in EDGES]
        for stage in range(STAGES):
            if stage:
                before, channels = channels, 2 * channels
                if dense:
                    self._add(before, channels, sizes, 1)
                else:
                    sizes = [-(-size // 2) for size in sizes]
                    self.fixed += self._block(before, channels, sizes)
            self._add(channels, channels, sizes, cells)
        head = (channels + 1) * outputs
        self.fixed += Costs(2 * channels + head, head)

    def of(self, cell: Cell) -> Costs:
        """Return the costs of the network of a cell."""
        total = self.fixed
        for edge, name in zip(self.edges, cell.operations, strict=True):
            total += edge.get(name, Costs())
        return total

    def _add(self, inputs: int, outputs: int, sizes: Sequence[int], times: int) -> None:
        """Add the costs of ``times`` equal cells to those of each operation on each edge."""
        for edge, (source, _) in zip(self.edges, EDGES, strict=True):
            for name, kernel_size in self._convolutions(inputs != outputs and source == 0):
                cost = self._conv(outputs if source else inputs, outputs, kernel_size, sizes)
                edge[name] = edge.get(name, Costs()) + cost * times

    @staticmethod
    def _convolutions(widens: bool) -> Iterator[tuple[str, int]]:
        """Yield (operation, kernel size) of the operations that have a convolution."""
        yield from (("nor_conv_1x1", 1), ("nor_conv_3x3", 3))
        if widens:
            yield from (("skip_connect", 1), ("avg_pool_3x3", 1))

    def _conv(
        self, inputs: int, outputs: int, kernel_size: int, sizes: Sequence[int], norm: bool = True
    ) -> Costs:
        """Return the costs of a convolution without bias and of its normalisation."""
        weights = kernel_size**self.dims * inputs * outputs
        return Costs(weights + (2 * outputs if norm else 0), weights * math.prod(sizes))

    def _block(self, inputs: int, outputs: int, sizes: Sequence[int]) -> Costs:
        """Return the costs of a residual block; ``sizes`` are those of its output."""
        return (
            self._conv(inputs, outputs, 3, sizes)
            + self._conv(outputs, outputs, 3, sizes)
            + self._conv(inputs, outputs, 1, sizes, norm=False)
        )
