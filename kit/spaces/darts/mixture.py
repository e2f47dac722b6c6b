"""What a search in DARTS's space learns besides weights: which operations, which edges.

Each cell type has 14 edges, of node 2 first, by source: (0, 1), (0, 1, 2), ...; alphas weigh the
operations of each, betas the edges among those of their node (PC-DARTS, section 3.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from kit.spaces.darts.genotype import CELLS, EDGES_PER_NODE, INPUTS, NODES, Edge, Genotype
from kit.spaces.names import OPERATIONS

EDGES_OF_NODES = tuple(range(INPUTS, INPUTS + NODES))
"""How many edges lead to each node."""
EDGES = sum(EDGES_OF_NODES)

# ``softmax-of-simplex``: of the parameters, although these are distributions already, so that
# mixtures stay nearly uniform [NAS-Bench-360's code]. ``simplex``: the parameters [GAEA].
Weighing = Literal["softmax-of-simplex", "simplex"]
# What betas are a distribution over [NAS-Bench-360: all; GAEA: those of a node].
BetaSimplex = Literal["all", "node"]
# The first values of all parameters: 1, or a uniform distribution.
Start = Literal["ones", "uniform"]


@dataclass(frozen=True)
class Mixture:
    """The weights of one cell type's operations and edges.

    Attributes:
        operations: (14, 8), of the operations on each edge.
        edges: (14,), of the edges of each node.
    """

    operations: Tensor
    edges: Tensor


class Mixtures(nn.Module):
    """The parameters of an architecture: alphas (14, 8) and betas (14) of both cell types.

    Args:
        weighing: how weights follow from the parameters.
        start: their first values.
        beta_simplex: what uniform betas are a distribution over.
    """

    def __init__(
        self,
        weighing: Weighing = "simplex",
        start: Start = "uniform",
        beta_simplex: BetaSimplex = "node",
    ) -> None:
        super().__init__()
        self.weighing = weighing
        self.beta_simplex = beta_simplex
        alphas, betas = torch.ones(EDGES, len(OPERATIONS)), torch.ones(EDGES)
        if start == "uniform":
            alphas /= len(OPERATIONS)
            sizes = torch.tensor([size for size in EDGES_OF_NODES for _ in range(size)])
            betas /= sizes if beta_simplex == "node" else EDGES
        self.alphas = nn.ParameterDict({cell: nn.Parameter(alphas.clone()) for cell in CELLS})
        self.betas = nn.ParameterDict({cell: nn.Parameter(betas.clone()) for cell in CELLS})

    @property
    def parts(self) -> Sequence[int]:
        """How many of the betas, one after the other, make up a distribution."""
        return EDGES_OF_NODES if self.beta_simplex == "node" else (EDGES,)

    def forward(self, cell: str) -> Mixture:
        """Return the weights of a cell type's operations and edges."""
        alphas, betas = self.alphas[cell], self.betas[cell]
        if self.weighing == "simplex":
            return Mixture(alphas, betas)
        nodes = betas.split(EDGES_OF_NODES)
        return Mixture(alphas.softmax(1), torch.cat([each.softmax(0) for each in nodes]))

    @torch.no_grad()
    def genotype(self) -> Genotype:
        """Return the two strongest edges of each node, and the strongest operation of each."""
        cells = []
        for cell in CELLS:
            mixture = self(cell)
            cells.append(strongest((mixture.operations * mixture.edges[:, None]).tolist()))
        return Genotype(*cells)


def strongest(
    weights: Sequence[Sequence[float]], operations: Sequence[str] = OPERATIONS
) -> tuple[Edge, ...]:
    """Return a cell of a genotype: of each node the two strongest edges, the stronger first.

    An edge is as strong as its strongest operation but ``none``; of equal ones the one with the
    lower source, or the operation that comes first, is taken.

    Args:
        weights: of each edge's operations.
        operations: their names.
    """
    candidates = [place for place, name in enumerate(operations) if name != "none"]
    cell: list[Edge] = []
    first = 0
    for count in EDGES_OF_NODES:
        rows = weights[first : first + count]
        best = [max(candidates, key=row.__getitem__) for row in rows]
        order = sorted(range(count), key=lambda source: -rows[source][best[source]])
        cell += [(operations[best[source]], source) for source in order[:EDGES_PER_NODE]]
        first += count
    return tuple(cell)
