"""The supernet with all operations on every edge, for searches that train one network."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from kit.spaces.nas_bench_201.cell import EDGES, OPERATIONS, Cell
from kit.spaces.nas_bench_201.costs import CELLS, CHANNELS
from kit.spaces.nas_bench_201.network import Block, Skeleton, operation, summed
from kit.spaces.operations import Norm

# Standard deviation of the initial architecture parameters.
SPREAD = 1e-3
# Normalisation of the cells, always by the statistics of the batch; other parts have the default.
BATCH_ALONE = Norm(affine=False, tracks=False)


class Edge(nn.ModuleList):
    """All operations on one edge, in the order of ``OPERATIONS``."""

    def forward(self, x: Tensor, weights: Tensor | None, chosen: int | None) -> Tensor:
        """Return the weighted sum of all operations, or the chosen one alone.

        Args:
            x: (batch, channels, *sizes).
            weights: (5,) of the operations; None for no weights, if one is chosen.
            chosen: index of the only operation to be computed; None for all.

        Raises:
            ValueError: both are None.
        """
        if chosen is not None:
            y: Tensor = self[chosen](x)
            return y if weights is None else y * weights[chosen]
        if weights is None:
            raise ValueError("either weights or chosen operations are needed")
        return torch.stack([w * each(x) for w, each in zip(weights, self, strict=True)]).sum(0)


class MixedCell(nn.Module):
    """A cell with all operations on every edge.

    Args:
        inputs: channels of input and output.
        dims: 1 or 2.
        norm: options of the normalisations.
    """

    def __init__(self, inputs: int, dims: int, norm: Norm) -> None:
        super().__init__()
        self.edges = nn.ModuleList(
            Edge(operation(name, inputs, inputs, dims, norm) for name in OPERATIONS) for _ in EDGES
        )

    def forward(
        self, x: Tensor, weights: Tensor | None = None, chosen: Sequence[int] | None = None
    ) -> Tensor:
        """(batch, channels, *sizes) -> the same shape.

        Args:
            x: the input of the cell.
            weights: (6, 5), of every operation on every edge.
            chosen: index of the only operation to be computed on each edge; None for all.
        """
        edges = [
            partial(
                edge,
                weights=None if weights is None else weights[number],
                chosen=None if chosen is None else chosen[number],
            )
            for number, edge in enumerate(self.edges)
        ]
        return summed(x, edges)


class Supernet(Skeleton):
    """The network that contains those of all cells.

    Residual blocks double the channels and, unless it is dense, halve the map.

    Attributes:
        alphas: (6, 5) architecture parameters: logits of every operation on every edge.

    Args:
        inputs: channels of a sample.
        outputs: classes or numbers for a sample, or for each position if ``dense``.
        dims: 1 or 2.
        dense: whether it returns outputs for each position.
        channels: channels of the first stage.
        cells: number of cells of each stage.
        norm: options of the cells' normalisations.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        dims: int = 2,
        dense: bool = False,
        channels: int = CHANNELS,
        cells: int = CELLS,
        norm: Norm = BATCH_ALONE,
    ) -> None:
        super().__init__(
            lambda before, after: MixedCell(after, dims, norm),
            lambda before, after: Block(before, after, dims, stride=1 if dense else 2),
            inputs,
            outputs,
            dims=dims,
            dense=dense,
            channels=channels,
            cells=cells,
        )
        self.alphas = nn.Parameter(SPREAD * torch.randn(len(EDGES), len(OPERATIONS)))

    @property
    def weights(self) -> list[nn.Parameter]:
        """All parameters other than ``alphas``."""
        return [each for name, each in self.named_parameters() if name != "alphas"]

    def forward(
        self, x: Tensor, weights: Tensor | None = None, chosen: Cell | None = None
    ) -> Tensor:
        """(batch, inputs, *sizes) -> (batch, outputs), or (batch, outputs, *sizes) if dense.

        Args:
            x: samples.
            weights: (6, 5), of every operation on every edge. None for the softmax of ``alphas``,
                or, with a ``chosen`` cell, for no weights.
            chosen: a cell, of which alone the operations are computed; None for all operations.
        """
        numbers = None
        if chosen is not None:
            numbers = [OPERATIONS.index(name) for name in chosen.operations]
        elif weights is None:
            weights = self.alphas.softmax(1)
        return super().forward(x, weights, numbers)

    def derive(self) -> Cell:
        """Return the cell with the largest of ``alphas`` on every edge; ties go to the first."""
        return Cell(tuple(OPERATIONS[number] for number in self.alphas.argmax(1).tolist()))
