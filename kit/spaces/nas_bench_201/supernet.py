"""The network that has all operations on every edge, for searches that train it once."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial

import torch
from torch import Tensor, nn

from kit.spaces.nas_bench_201.cell import EDGES, OPERATIONS, Cell
from kit.spaces.nas_bench_201.costs import CELLS, CHANNELS
from kit.spaces.nas_bench_201.network import Block, Skeleton, operation, summed
from kit.spaces.operations import Norm

# Of the first values of the architecture.
SPREAD = 1e-3
# Of the cells; stem, blocks and head have the usual one.
BATCH_ALONE = Norm(affine=False, tracks=False)


class Edge(nn.ModuleList):
    """All operations on one edge, in the order of ``OPERATIONS``."""

    def forward(self, x: Tensor, weights: Tensor | None, chosen: int | None) -> Tensor:
        """Return their weighted sum, or one of them alone.

        Args:
            x: (batch, channels, *sizes).
            weights: of the operations; None where the chosen one has none.
            chosen: the only one that is computed, if there is one.
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
        inputs: channels before and behind it.
        dims: 1 or 2.
        norm: what normalisations are like.
    """

    def __init__(self, inputs: int, dims: int, norm: Norm) -> None:
        super().__init__()
        self.edges = nn.ModuleList(
            Edge(operation(name, inputs, inputs, dims, norm) for name in OPERATIONS) for _ in EDGES
        )

    def forward(
        self, x: Tensor, weights: Tensor | None = None, chosen: Sequence[int] | None = None
    ) -> Tensor:
        """(batch, channels, *sizes) -> the same.

        Args:
            x: what it reads.
            weights: (6, 5), of every operation on every edge.
            chosen: the number of the operation on each edge, where the others are not computed.
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
    """The network of all cells.

    Residual blocks double the channels; where it is dense they leave the map as it is.

    Args:
        inputs: channels of a sample.
        outputs: of a sample, or of each position if ``dense``.
        dims: 1 or 2.
        dense: an output for each position.
        channels: of the first stage.
        cells: of a stage.
        norm: what the cells' normalisations are like.
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
            lambda before, behind: MixedCell(behind, dims, norm),
            lambda before, behind: Block(before, behind, dims, stride=1 if dense else 2),
            inputs,
            outputs,
            dims=dims,
            dense=dense,
            channels=channels,
            cells=cells,
        )
        self.alphas = nn.Parameter(SPREAD * torch.randn(len(EDGES), len(OPERATIONS)))
        """(6, 5): of every operation on every edge."""

    @property
    def weights(self) -> list[nn.Parameter]:
        """All parameters but ``alphas``."""
        return [each for name, each in self.named_parameters() if name != "alphas"]

    def forward(
        self, x: Tensor, weights: Tensor | None = None, chosen: Cell | None = None
    ) -> Tensor:
        """(batch, inputs, *sizes) -> (batch, outputs), or (batch, outputs, *sizes) if dense.

        Args:
            x: samples.
            weights: (6, 5); by default the softmax of ``alphas``, or none with a ``chosen`` cell.
            chosen: compute the operations of this cell alone.
        """
        numbers = None
        if chosen is not None:
            numbers = [OPERATIONS.index(name) for name in chosen.operations]
        elif weights is None:
            weights = self.alphas.softmax(1)
        return super().forward(x, weights, numbers)

    def derive(self) -> Cell:
        """Return the cell with the largest of ``alphas`` on every edge, the first of equal ones."""
        return Cell(tuple(OPERATIONS[number] for number in self.alphas.argmax(1).tolist()))
