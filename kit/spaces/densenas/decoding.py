"""From the learnt probabilities of a supernet to an architecture. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

from kit.spaces.densenas.blocks import Block
from kit.spaces.densenas.graph import Graph


def best_path(graph: Graph, probabilities: Sequence[float]) -> tuple[int, ...]:
    """Return the most probable path, as nodes from 0 to the tail (Viterbi's algorithm).

    Ties go to the nearest source of a node.

    Args:
        graph: graph of the supernet.
        probabilities: probability of each of the graph's edges, given its source.
    """
    # For each node, the probability of the best path to it, and the source of its last edge.
    best: list[tuple[float, int]] = [(1.0, 0)]
    for node in range(1, graph.tail + 1):
        best_entry = (0.0, 0)
        for edge in graph.entering(node):
            probability = best[edge.source][0] * probabilities[graph.number[edge.source, node]]
            if probability > best_entry[0]:
                best_entry = (probability, edge.source)
        best.append(best_entry)
    path = [graph.tail]
    while path[-1]:
        path.append(best[path[-1]][1])
    return tuple(reversed(path))


def chain(graph: Graph, path: Sequence[int], kept: Sequence[int]) -> list[Block]:
    """Return the blocks of a path; the tail is not part of an architecture.

    Args:
        graph: graph of the supernet.
        path: nodes from 0 to the tail.
        kept: for each node of the graph, the number of layers of its stack that are kept.
    """
    strides = {(edge.source, edge.target): edge.stride for edge in graph.edges}
    return [
        Block(graph.channels[source], graph.channels[node], strides[source, node], kept[node])
        for source, node in pairwise(path[:-1])
    ]


def derive(
    graph: Graph, probabilities: Sequence[float], layers: Sequence[tuple[float, float]]
) -> list[Block]:
    """Return the architecture of the most probable path, with the layers that are likely kept.

    Args:
        graph: graph of the supernet.
        probabilities: probability of each of the graph's edges, given its source.
        layers: for each layer of each stack, by node, the probabilities that it is kept and that it
            is left out; it is kept if they are equal.
    """
    remaining = iter(layers)
    kept = [
        sum(block >= skip for block, skip in (next(remaining) for _ in range(count)))
        for count in graph.layers
    ]
    return chain(graph, best_path(graph, probabilities), kept)
