"""The supernet of DARTS's space with partial channels (PC-DARTS, sections 3.2 and 3.3): 2D, 1D."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.spaces.darts.edges import EdgesOfSource, EdgeWeights
from kit.spaces.darts.genotype import INPUTS, NODES
from kit.spaces.darts.mixture import EDGES_OF_NODES, Mixture, Mixtures
from kit.spaces.darts.network import STEM_FACTOR, head, reductions
from kit.spaces.operations import (
    PLAIN,
    FactorizedReduce,
    Norm,
    Reduction,
    ReluConvNorm,
    convolution,
)

PART = 4
"""One in so many channels goes through the operations; the others pass."""
UNSCALED = Norm(affine=False)


def edges_by_source() -> list[list[int]]:
    """Return for each state that is read the numbers of its edges, by the node they lead to."""
    sources: list[list[int]] = [[] for _ in range(INPUTS + NODES - 1)]
    first = 0
    for count in EDGES_OF_NODES:
        for source in range(count):
            sources[source].append(first + source)
        first += count
    return sources


BY_SOURCE = edges_by_source()
ORDER = [edge for edges in BY_SOURCE for edge in edges]


class SupernetCell(nn.Module):
    """All paths of a cell.

    Args:
        before_last: channels of the cell before the last one, or of the stem.
        last: channels of the cell before.
        channels: of each node.
        dims: 1 or 2.
        halves: it is a reduction cell.
        after_reduction: the cell before was one.
        reduction: what reductions without kernel read.
    """

    def __init__(
        self,
        before_last: int,
        last: int,
        channels: int,
        dims: int,
        *,
        halves: bool,
        after_reduction: bool,
        reduction: Reduction,
    ) -> None:
        super().__init__()
        self.preprocess0 = (
            FactorizedReduce(before_last, channels, dims, reduction=reduction, norm=UNSCALED)
            if after_reduction
            else ReluConvNorm(before_last, channels, dims, UNSCALED)
        )
        self.preprocess1 = ReluConvNorm(last, channels, dims, UNSCALED)
        self.part = channels // PART
        strided = sum(map(len, BY_SOURCE[:INPUTS])) if halves else 0
        self.weights = EdgeWeights(len(ORDER), strided, self.part, dims)
        self.edges = nn.ModuleList(
            EdgesOfSource(
                len(edges), self.part, dims, 2 if halves and source < INPUTS else 1, reduction
            )
            for source, edges in enumerate(BY_SOURCE)
        )
        self.max_pool = F.max_pool1d if dims == 1 else F.max_pool2d

    def forward(self, before_last: Tensor, last: Tensor, mixture: Mixture) -> Tensor:
        """Return the nodes' channels together, the map halved in a reduction cell."""
        counts = [len(edges) for edges in BY_SOURCE]
        weighed = (mixture.operations * mixture.edges.unsqueeze(1))[ORDER].split(counts)
        passing = mixture.edges[ORDER].split(counts)
        kernels = {key: each.split(counts) for key, each in self.weights().items()}
        skips = [each.split(counts[:INPUTS]) for each in self.weights.skips]
        states = [self.preprocess0(before_last), self.preprocess1(last)]
        # Of each node: what goes through operations, and what passes, so far.
        mixed: list[Tensor] = []
        passed: list[Tensor] = []
        for source, edges in enumerate(self.edges):
            state = states[source]
            strided = bool(skips) and source < INPUTS
            others = state[:, self.part :]
            if strided:
                others = self.max_pool(others, 2, 2, ceil_mode=True)
            given = edges(
                state[:, : self.part],
                weighed[source],
                {key: each[source] for key, each in kernels.items()},
                [each[source] for each in skips] if strided else [],
            ).unbind(1)
            first = max(source - INPUTS + 1, 0)
            for number, value in enumerate(given):
                node, weight = first + number, passing[source][number]
                if node == len(mixed):
                    mixed.append(value)
                    passed.append(others * weight)
                else:
                    mixed[node] = mixed[node] + value
                    passed[node] = torch.addcmul(passed[node], others, weight)
            if source >= INPUTS - 1:
                node = source - INPUTS + 1
                states.append(shuffled(mixed[node], passed[node]))
        return torch.cat(states[INPUTS:], dim=1)


def shuffled(mixed: Tensor, passed: Tensor) -> Tensor:
    """Return the channels of four groups, of which ``mixed`` is the first, taking turns."""
    groups = [mixed, *passed.split(mixed.shape[1], dim=1)]
    return torch.stack(groups, dim=2).flatten(1, 2)


class DartsSupernet(nn.Module):
    """The network that a search trains: every path of every cell, weighed by ``mixtures``.

    Args:
        inputs: channels of a sample.
        outputs: of a sample, or of each position if ``dense``.
        mixtures: the parameters of the architecture; None for those of GAEA.
        dims: 1 or 2.
        dense: no cell halves the map, and all have the same width.
        channels: of a node in the first cells, divisible by 4.
        layers: cells; those at a third and two thirds halve the map and double the width.
        reduction: what reductions without kernel read.

    Raises:
        ValueError: the channels cannot be quartered.
    """

    def __init__(
        self,
        inputs: int,
        outputs: int,
        *,
        mixtures: Mixtures | None = None,
        dims: int = 2,
        dense: bool = False,
        channels: int = 16,
        layers: int = 8,
        reduction: Reduction = "shifted",
    ) -> None:
        super().__init__()
        if channels % PART:
            raise ValueError(f"the supernet's channels are divisible by {PART}, not {channels}")
        width = STEM_FACTOR * channels
        self.stem = nn.Sequential(convolution(inputs, width, 3, dims), PLAIN.layer(width, dims))
        self.halving = () if dense else reductions(layers)
        self.cells = nn.ModuleList()
        widths, after = [width, width], False
        for number in range(layers):
            halves = number in self.halving
            channels *= 2 if halves else 1
            self.cells.append(
                SupernetCell(
                    widths[-2],
                    widths[-1],
                    channels,
                    dims,
                    halves=halves,
                    after_reduction=after,
                    reduction=reduction,
                )
            )
            widths.append(NODES * channels)
            after = halves
        self.linear = nn.Linear(widths[-1], outputs)
        self.dense = dense
        self.mixtures = Mixtures() if mixtures is None else mixtures

    def weights(self) -> list[nn.Parameter]:
        """Return all parameters but those of the architecture."""
        architecture = {id(each) for each in self.mixtures.parameters()}
        return [each for each in self.parameters() if id(each) not in architecture]

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, *sizes) -> (batch, outputs), or (batch, outputs, *sizes) if dense."""
        states = [self.stem(x)] * 2
        mixtures = {cell: self.mixtures(cell) for cell in ("normal", "reduce")}
        for number, cell in enumerate(self.cells):
            mixture = mixtures["reduce" if number in self.halving else "normal"]
            states = [states[1], cell(states[0], states[1], mixture)]
        return head(states[1], self.linear, dense=self.dense)
