"""DARTS's supernet with partial channels (PC-DARTS, sections 3.2 and 3.3), in 2D and 1D."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.spaces.darts.edges import EdgesOfSource, EdgeWeights
from kit.spaces.darts.genotype import CELLS, INPUTS, NODES
from kit.spaces.darts.layout import STEM_FACTOR, CellPlace, cell_places, check_sizes
from kit.spaces.darts.mixture import EDGES_OF_NODES, Mixture, Mixtures
from kit.spaces.darts.network import head
from kit.spaces.operations import PLAIN, Norm, Reduction, convolution

PART = 4
"""The share of channels that goes through the operations is 1 / ``PART``; the others pass by."""
UNSCALED = Norm(affine=False)


def edges_by_source() -> list[list[int]]:
    """Return for each state the numbers of the edges that read it, ordered by their nodes."""
    sources: list[list[int]] = [[] for _ in range(INPUTS + NODES - 1)]
    first = 0
    for count in EDGES_OF_NODES:
        for source in range(count):
            sources[source].append(first + source)
        first += count
    return sources


BY_SOURCE = edges_by_source()
ORDER = [edge for edges in BY_SOURCE for edge in edges]
"""The numbers of all edges, ordered by source."""


def by_source(rows: Tensor) -> Tensor:
    """Return rows (edges, ...) in the order of `ORDER`.

    An index by a list would be copied to a GPU in each call, and the CPU would wait for that.
    """
    each = rows.unbind()
    return torch.stack([each[edge] for edge in ORDER])


class SupernetCell(nn.Module):
    """A cell with all operations on all edges.

    Args:
        place: the cell's place in the network.
        dims: 1 or 2.
        reduction: which positions a ``FactorizedReduce`` reads.
    """

    def __init__(self, place: CellPlace, dims: int, reduction: Reduction) -> None:
        super().__init__()
        self.preprocess0, self.preprocess1 = place.inputs(dims, reduction, UNSCALED)
        self.part = place.channels // PART
        strided = sum(map(len, BY_SOURCE[:INPUTS])) if place.halves else 0
        self.weights = EdgeWeights(len(ORDER), strided, self.part, dims)
        self.edges = nn.ModuleList(
            EdgesOfSource(
                len(edges), self.part, dims, 2 if place.halves and source < INPUTS else 1, reduction
            )
            for source, edges in enumerate(BY_SOURCE)
        )
        self.max_pool = F.max_pool1d if dims == 1 else F.max_pool2d

    def forward(self, before_last: Tensor, last: Tensor, mixture: Mixture) -> Tensor:
        """Return the concatenated nodes, (batch, 4 * node channels, *sizes).

        A reduction cell halves the sizes of the previous cell, rounded up.

        Args:
            before_last: (batch, channels, *sizes), output of the cell before the last one.
            last: output of the previous cell.
            mixture: weights of the cell type.
        """
        counts = [len(edges) for edges in BY_SOURCE]
        weighed = by_source(mixture.operations * mixture.edges.unsqueeze(1)).split(counts)
        passing = by_source(mixture.edges).split(counts)
        kernels = {key: each.split(counts) for key, each in self.weights().items()}
        skips = [each.split(counts[:INPUTS]) for each in self.weights.skips]
        states = [self.preprocess0(before_last), self.preprocess1(last)]
        # The sums so far, for each node, over the edges: channels from operations, and others.
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
    """Return ``mixed`` and the three groups of ``passed`` with their channels interleaved.

    Args:
        mixed: (batch, channels, *sizes), from the operations.
        passed: (batch, 3 * channels, *sizes), from the channels that pass by.
    """
    groups = [mixed, *passed.split(mixed.shape[1], dim=1)]
    return torch.stack(groups, dim=2).flatten(1, 2)


class DartsSupernet(nn.Module):
    """The network that a search trains: all operations on all edges, weighted by ``mixtures``.

    Args:
        inputs: channels of a sample.
        outputs: classes or numbers for a sample, or for each position if ``dense``.
        mixtures: the architecture parameters; None for new ones as in GAEA.
        dims: 1 or 2.
        dense: whether it returns outputs for each position; then no cell halves the map or doubles
            the channels.
        channels: channels of a node in the first cells; divisible by 4.
        layers: number of cells; those at a third and two thirds halve the map and double the
            channels.
        reduction: which positions a ``FactorizedReduce`` reads.

    Raises:
        ValueError: ``channels`` is not divisible by 4, or an argument is out of range or of another
            type.
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
        check_sizes(
            dims, reduction, inputs=inputs, outputs=outputs, channels=channels, layers=layers
        )
        if channels % PART:
            raise ValueError(f"the supernet's channels are divisible by {PART}, not {channels}")
        width = STEM_FACTOR * channels
        self.stem = nn.Sequential(convolution(inputs, width, 3, dims), PLAIN.layer(width, dims))
        places = cell_places(channels, layers, dense=dense)
        self.kinds = ["reduce" if place.halves else "normal" for place in places]
        self.cells = nn.ModuleList(SupernetCell(place, dims, reduction) for place in places)
        self.linear = nn.Linear(NODES * places[-1].channels, outputs)
        self.dense = dense
        self.mixtures = Mixtures() if mixtures is None else mixtures

    def weights(self) -> list[nn.Parameter]:
        """Return all parameters other than the architecture parameters."""
        architecture = {id(each) for each in self.mixtures.parameters()}
        return [each for each in self.parameters() if id(each) not in architecture]

    def forward(self, x: Tensor) -> Tensor:
        """(batch, inputs, *sizes) -> (batch, outputs), or (batch, outputs, *sizes) if dense."""
        states = [self.stem(x)] * 2
        mixtures = {kind: self.mixtures(kind) for kind in CELLS}
        for kind, cell in zip(self.kinds, self.cells, strict=True):
            states = [states[1], cell(*states, mixtures[kind])]
        return head(states[1], self.linear, dense=self.dense)
