"""The draw of a genotype."""

from __future__ import annotations

import numpy as np

from kit.seeding import generator
from kit.spaces.darts.genotype import CELLS, EDGES_PER_NODE, INPUTS, NODES, Edge, Genotype
from kit.spaces.names import CANDIDATES


def draw(seed: int) -> Genotype:
    """Return a genotype drawn by a seed alone, all genotypes equally likely."""
    random = generator(seed, "architecture")
    return Genotype(*(_cell(random) for _ in CELLS))


def _cell(random: np.random.Generator) -> tuple[Edge, ...]:
    """Return the edges of a cell: of each node two sources, an operation on each."""
    edges = []
    for node in range(INPUTS, INPUTS + NODES):
        sources = sorted(random.choice(node, EDGES_PER_NODE, replace=False).tolist())
        operations = random.integers(len(CANDIDATES), size=EDGES_PER_NODE)
        edges += [(CANDIDATES[at], each) for at, each in zip(operations, sources, strict=True)]
    return tuple(edges)
