"""The architecture parameters of DARTS's space, which weigh operations and edges.

Each cell type has 14 edges, ordered by node, from 2 to 5, then by source: (0, 1), (0, 1, 2), ....
Alphas weigh the operations on each edge, betas the edges of each node (PC-DARTS, section 3.3).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor, nn

from kit.search import arguments
from kit.spaces.darts.genotype import CELLS, EDGES_PER_NODE, INPUTS, NODES, Edge, Genotype
from kit.spaces.names import OPERATIONS

EDGES_OF_NODES = tuple(range(INPUTS, INPUTS + NODES))
"""How many edges lead to each node."""
EDGES = sum(EDGES_OF_NODES)

Weighing = Literal["softmax-of-simplex", "simplex"]
"""How weights follow from the parameters.

``simplex``: they are the parameters themselves [GAEA]. ``softmax-of-simplex``: they are the softmax
of the parameters, although these are distributions already; so mixtures stay nearly uniform
[NAS-Bench-360's code].
"""
BetaSimplex = Literal["all", "node"]
"""Which betas form one distribution: all of a cell [NAS-Bench-360] or those of a node [GAEA]."""
Start = Literal["ones", "uniform"]
"""The initial values of all parameters: 1, or a uniform distribution."""


@dataclass(frozen=True)
class Mixture:
    """The weights of the operations and edges of one cell type.

    Attributes:
        operations: (14, 8), the weight of each of ``OPERATIONS`` on each edge.
        edges: (14,), the weight of each edge among those of its node.
    """

    operations: Tensor
    edges: Tensor


class Mixtures(nn.Module):
    """The architecture parameters: alphas (14, 8) and betas (14,) of both cell types.

    Args:
        weighing: how weights follow from the parameters.
        start: initial values of the parameters.
        beta_simplex: which betas form one distribution.

    Raises:
        ValueError: one of these is another word.
    """

    def __init__(
        self,
        weighing: Weighing = "simplex",
        start: Start = "uniform",
        beta_simplex: BetaSimplex = "node",
    ) -> None:
        super().__init__()
        arguments.check_words(Weighing, weighing=weighing)
        arguments.check_words(Start, start=start)
        arguments.check_words(BetaSimplex, beta_simplex=beta_simplex)
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
        """The lengths of the distributions of which the betas consist, one after the other."""
        return EDGES_OF_NODES if self.beta_simplex == "node" else (EDGES,)

    def forward(self, cell: str) -> Mixture:
        """Return the weights of a cell type, ``normal`` or ``reduce``."""
        alphas, betas = self.alphas[cell], self.betas[cell]
        if self.weighing == "simplex":
            return Mixture(alphas, betas)
        nodes = betas.split(EDGES_OF_NODES)
        return Mixture(alphas.softmax(1), torch.cat([each.softmax(0) for each in nodes]))

    @torch.no_grad()
    def genotype(self) -> Genotype:
        """Return the genotype of the two strongest edges of each node; see ``strongest``."""
        cells = []
        for cell in CELLS:
            mixture = self(cell)
            cells.append(strongest((mixture.operations * mixture.edges[:, None]).tolist()))
        return Genotype(*cells)


def strongest(
    weights: Sequence[Sequence[float]], operations: Sequence[str] = OPERATIONS
) -> tuple[Edge, ...]:
    """Return a cell of a genotype: the two strongest edges of each node, the stronger one first.

    The strength of an edge is the largest weight of its operations other than ``none``, of which
    the genotype has the strongest. Ties go to the lower source and to the first operation.

    Args:
        weights: (14, operations), the weight of each operation on each edge.
        operations: the names of the operations.
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
