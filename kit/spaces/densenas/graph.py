"""The graph of a supernet's blocks and connections, and its paths. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Edge:
    """A connection of two nodes.

    Attributes:
        source: number of the node that is read.
        target: number of the later node that reads it.
        stride: stride of the first convolution of the connection.
    """

    source: int
    target: int
    stride: int


@dataclass(frozen=True)
class Graph:
    """Nodes 0 (the input block), 1..n (the blocks) and n + 1 (the tail), and their edges.

    Attributes:
        channels: number of channels of each node.
        layers: number of layers of each node's stack; 0 for the input block and the tail.
        edges: ordered by source, then by target.
    """

    channels: tuple[int, ...]
    layers: tuple[int, ...]
    edges: tuple[Edge, ...]

    @property
    def tail(self) -> int:
        """The number of the last node."""
        return len(self.channels) - 1

    @cached_property
    def number(self) -> Mapping[tuple[int, int], int]:
        """(source, target) -> index of that edge in ``edges``."""
        return {(edge.source, edge.target): place for place, edge in enumerate(self.edges)}

    def leaving(self, node: int) -> list[Edge]:
        """Return the edges from a node, by ascending target: the nearest first."""
        return [edge for edge in self.edges if edge.source == node]

    def entering(self, node: int) -> list[Edge]:
        """Return the edges to a node, by descending source: the nearest first."""
        return [edge for edge in reversed(self.edges) if edge.target == node]

    def paths(self) -> Iterator[tuple[int, ...]]:
        """Yield every path from the input block to the tail, as numbers of nodes."""

        def extensions(path: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
            if path[-1] == self.tail:
                yield path
            for edge in self.leaving(path[-1]):
                yield from extensions((*path, edge.target))

        return extensions((0,))

    def ways(self) -> list[int]:
        """Return the number of paths from each node to the tail."""
        counts = [0] * self.tail + [1]
        for edge in reversed(self.edges):
            counts[edge.source] += counts[edge.target]
        return counts

    def architectures(self) -> int:
        """Return the number of architectures: all paths with all numbers of kept layers."""
        counts = [1] + [0] * self.tail
        for edge in sorted(self.edges, key=lambda edge: edge.target):
            counts[edge.target] += counts[edge.source] * (self.layers[edge.target] + 1)
        return counts[-1]

    def check(self) -> None:
        """Check that every block is part of a path.

        Raises:
            ValueError: a block is not; the message names the first.
        """
        sources, targets = ({getattr(e, end) for e in self.edges} for end in ("source", "target"))
        for node in range(1, len(self.channels)):
            if node not in targets:
                raise ValueError(
                    f"nobody can reach {self._name(node)}: see the sizes of the stages before it"
                )
        for node in range(self.tail):
            if node not in sources:
                raise ValueError(
                    f"nothing follows {self._name(node)}: see the sizes of the stages after it"
                )

    def _name(self, node: int) -> str:
        """Return how messages call a node."""
        return "the tail" if node == self.tail else f"block {node} ({self.channels[node]} channels)"
