"""From the probabilities that a search has learnt to an architecture. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from kit.spaces.densenas.blocks import Block
from kit.spaces.densenas.graph import Graph


def best_path(graph: Graph, probabilities: Sequence[float]) -> tuple[int, ...]:
    """Return the likeliest path by Viterbi's algorithm, as nodes; of equals by the nearest sources.

    Args:
        graph: of the supernet.
        probabilities: of each edge, given its source.
    """
    best: list[tuple[float, int]] = [(1.0, 0)]  # of the paths to each node, and its source
    for node in range(1, graph.tail + 1):
        found = (0.0, 0)
        for edge in graph.entering(node):
            chance = best[edge.source][0] * probabilities[graph.number[edge.source, node]]
            if chance > found[0]:
                found = (chance, edge.source)
        best.append(found)
    path = [graph.tail]
    while path[-1]:
        path.append(best[path[-1]][1])
    return tuple(reversed(path))


def chain(graph: Graph, path: Sequence[int], kept: Sequence[int]) -> list[Block]:
    """Return the blocks of a path, without the tail, which no architecture has.

    Args:
        graph: of the supernet.
        path: from node 0 to the tail.
        kept: for each node, how many layers of its stack there are.
    """
    strides = {(edge.source, edge.target): edge.stride for edge in graph.edges}
    return [
        Block(graph.channels[source], graph.channels[node], strides[source, node], kept[node])
        for source, node in pairwise(path[:-1])
    ]


def derive(
    graph: Graph, probabilities: Sequence[float], layers: Sequence[tuple[float, float]]
) -> list[Block]:
    """Return the architecture: the likeliest path, and its layers that are rather kept than not.

    Args:
        graph: of the supernet.
        probabilities: of each edge, given its source.
        layers: of each layer of each stack, node by node, how likely it is a basic block, and how
            likely it is left out; of equals it is kept.
    """
    rest = iter(layers)
    kept = [
        sum(block >= skip for block, skip in (next(rest) for _ in range(count)))
        for count in graph.layers
    ]
    return chain(graph, best_path(graph, probabilities), kept)
