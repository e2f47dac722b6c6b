"""TE-NAS's supernets of DARTS's cells: tiny, untrained, and pruned until one path is left.

What is left on an edge is said by its operations, where the original has alphas of 0 and -1000.
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
"""In the order of TE-NAS, which decides ties; it is not that of DARTS."""
GROUPS = ((0, 2), (2, 5), (5, 9), (9, 14))
"""From which edge on, and up to which, edges lead to each node."""
SOURCES = tuple(source for first, last in GROUPS for source in range(last - first))

Remaining = tuple[tuple[tuple[int, ...], ...], ...]
"""What is left of the normal and the reduction cell: for each edge, numbers of ``OPERATIONS``."""


def everything(operations: Sequence[str] = OPERATIONS[1:]) -> Remaining:
    """Return what there is before anything is pruned: some operations on all edges.

    Raises:
        ValueError: there is no such operation.
    """
    for name in operations:
        if name not in OPERATIONS:
            raise ValueError(f"there is no operation {name!r}; there are {', '.join(OPERATIONS)}")
    numbers = tuple(sorted({OPERATIONS.index(name) for name in operations}))
    return ((numbers,) * len(SOURCES),) * 2


def without(remaining: Remaining, *choices: tuple[int, int, int]) -> Remaining:
    """Return what is left without some operations, each given as (cell, edge, operation)."""
    gone = set(choices)
    return tuple(
        tuple(
            tuple(number for number in edge if (cell, place, number) not in gone)
            for place, edge in enumerate(edges)
        )
        for cell, edges in enumerate(remaining)
    )


def genotype(remaining: Remaining) -> Genotype:
    """Return each node's two edges with the largest weight, and on each the first operation left.

    The fewer operations are left on an edge, the larger is the weight of each. Where there is none,
    all of the space weigh the same. The lower source comes first among equals.
    """
    cells: list[tuple[Edge, ...]] = []
    for edges in remaining:
        found: list[Edge] = []
        for first, last in GROUPS:
            best = sorted(range(first, last), key=lambda edge: len(edges[edge]) or len(OPERATIONS))
            found += (
                (OPERATIONS[min(edges[edge], default=1)], SOURCES[edge])
                for edge in best[:EDGES_PER_NODE]
            )
        cells.append(tuple(found))
    return Genotype(*cells)


class PrunableSupernet(nn.Module):
    """A normal cell and a reduction cell of very few channels.

    Args:
        inputs: channels of a sample; without a stem they go straight into the first cell.
        outputs: of a sample.
        dims: 1 or 2.
        channels: of a node in the first cell, twice as many in the second.
        stem: whether a convolution of size 3 and a normalisation come first.
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
        """(batch, inputs, *sizes) -> (batch, outputs), by what ``remaining`` has left."""
        before = self.stem(x)
        after = self.normal(before, before, self.remaining[0])
        y = self.last(self.reduce(before, after, self.remaining[1]))
        return head(y, self.linear, dense=False)


class PrunableCell(nn.Module):
    """All paths of a cell.

    Args:
        before_last: channels of the cell before the last one, or of the stem.
        last: channels of the cell before.
        channels: of each node.
        dims: 1 or 2.
        halves: it is a reduction cell.
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
        """Return the nodes' channels together, the map halved in a reduction cell.

        Args:
            before_last: (batch, channels, *sizes), of the cell before the last one.
            last: of the cell before.
            remaining: the operations of each edge that are left; all weigh the same.
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
