"""TE-NAS's supernets of DARTS's cells, which are tiny, untrained, and pruned to single operations.

Here each edge has a list of the operations that remain; TE-NAS's code has alphas of 0 and -1000.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from kit.spaces.darts.genotype import EDGES_PER_NODE, INPUTS, NODES, Edge, Genotype
from kit.spaces.darts.network import head
from kit.spaces.operations import PLAIN, ReluConvNorm, convolution, operation

OPERATIONS = (
    "none",
    "skip_connect",
    "sep_conv_3x3",
    "sep_conv_5x5",
    "dil_conv_3x3",
    "dil_conv_5x5",
    "avg_pool_3x3",
    "max_pool_3x3",
)
"""The order is that of TE-NAS, which decides ties; it is not that of DARTS."""
GROUPS = ((0, 2), (2, 5), (5, 9), (9, 14))
"""The range of edges, as (first, last + 1), that lead to each node."""
SOURCES = tuple(source for first, last in GROUPS for source in range(last - first))
"""The input or node that each edge reads."""

Remaining = tuple[tuple[tuple[int, ...], ...], ...]
"""The remaining operations, as indices of ``OPERATIONS``: [cell][edge], the normal cell first."""


def everything(operations: Sequence[str] = OPERATIONS[1:]) -> Remaining:
    """Return what remains before any pruning: the same operations on all edges.

    Args:
        operations: names of these; all but ``none`` by default.

    Raises:
        ValueError: an operation is unknown.
    """
    for name in operations:
        if name not in OPERATIONS:
            raise ValueError(f"there is no operation {name!r}; there are {', '.join(OPERATIONS)}")
    numbers = tuple(sorted({OPERATIONS.index(name) for name in operations}))
    return ((numbers,) * len(SOURCES),) * 2


def without(remaining: Remaining, *choices: tuple[int, int, int]) -> Remaining:
    """Return what remains after operations are pruned, each given as (cell, edge, operation)."""
    pruned = set(choices)
    return tuple(
        tuple(
            tuple(number for number in edge if (cell, place, number) not in pruned)
            for place, edge in enumerate(edges)
        )
        for cell, edges in enumerate(remaining)
    )


def genotype(remaining: Remaining) -> Genotype:
    """Return the genotype of each node's two edges with the largest weight.

    The genotype has the first operation that remains on an edge. The weight of an edge is 1 over
    the number of its remaining operations; an edge without any counts as one with all operations
    and gets ``skip_connect``. Ties go to the lower source.
    """
    cells: list[tuple[Edge, ...]] = []
    for edges in remaining:
        cell: list[Edge] = []
        for first, last in GROUPS:
            best = sorted(range(first, last), key=lambda edge: len(edges[edge]) or len(OPERATIONS))
            cell += (
                (OPERATIONS[min(edges[edge], default=1)], SOURCES[edge])
                for edge in best[:EDGES_PER_NODE]
            )
        cells.append(tuple(cell))
    return Genotype(*cells)


class PrunableSupernet(nn.Module):
    """A normal cell and a reduction cell with very few channels.

    Attributes:
        remaining: the operations that a forward pass uses; all but ``none`` at first.

    Args:
        inputs: channels of a sample.
        outputs: numbers for a sample.
        dims: 1 or 2.
        channels: channels of a node in the first cell; the second cell has twice as many.
        stem: whether a convolution of size 3 and a normalisation come before the first cell.
    """

    def __init__(
        self, inputs: int, outputs: int, *, dims: int = 2, channels: int = 1, stem: bool = True
    ) -> None:
        super().__init__()
        self.remaining = everything()
        self.stem: nn.Module = nn.Identity()
        if stem:
            self.stem = nn.Sequential(
                convolution(inputs, channels, 3, dims), PLAIN.layer(channels, dims)
            )
        width = channels if stem else inputs
        self.normal = PrunableCell(width, width, channels, dims, halves=False)
        self.reduce = PrunableCell(width, NODES * channels, 2 * channels, dims, halves=True)
        width = NODES * 2 * channels
        self.last = nn.Sequential(PLAIN.layer(width, dims), nn.ReLU())
        self.linear = nn.Linear(width, outputs)

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, *sizes) -> (batch, outputs), by the operations of ``remaining``."""
        before = self.stem(x)
        after = self.normal(before, before, self.remaining[0])
        y = self.last(self.reduce(before, after, self.remaining[1]))
        return head(y, self.linear, dense=False)


class PrunableCell(nn.Module):
    """A cell with all operations on all edges.

    Args:
        before_last: channels of the first input: the cell before the last one, or the stem.
        last: channels of the second input: the previous cell, or the stem.
        channels: number of channels of each node.
        dims: 1 or 2.
        halves: whether it is a reduction cell, which halves the map.
    """

    def __init__(
        self, before_last: int, last: int, channels: int, dims: int, *, halves: bool
    ) -> None:
        super().__init__()
        self.preprocess0 = ReluConvNorm(before_last, channels, dims)
        self.preprocess1 = ReluConvNorm(last, channels, dims)
        self.edges = nn.ModuleList(
            operation(name, channels, dims, stride=2 if halves and source < INPUTS else 1)
            for source in SOURCES
            for name in OPERATIONS
        )

    def forward(
        self, before_last: Tensor, last: Tensor, remaining: Sequence[Sequence[int]]
    ) -> Tensor:
        """Return the concatenated nodes, (batch, 4 * node channels, *sizes).

        A reduction cell halves the sizes, rounded up.

        Args:
            before_last: (batch, channels, *sizes), output of the cell before the last one.
            last: output of the previous cell.
            remaining: indices of the remaining operations of each edge; all have the same weight.
        """
        states = [self.preprocess0(before_last), self.preprocess1(last)]
        for edges in GROUPS:
            values = [
                self.edges[edge * len(OPERATIONS) + number](states[SOURCES[edge]])
                / len(remaining[edge])
                for edge in range(*edges)
                for number in remaining[edge]
            ]
            states.append(sum(values[1:], values[0]))
        return torch.cat(states[INPUTS:], dim=1)
