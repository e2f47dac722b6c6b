"""The blocks of a supernet and which of them feed which, and its paths. No torch."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Edge:
    """A way from one node to a later one; ``stride`` is of its first convolution."""

    source: int
    target: int
    stride: int


@dataclass(frozen=True)
class Graph:
    """Nodes 0 (the input block), 1..n (the blocks) and n + 1 (the tail), and their edges.

    Attributes:
        channels: of each node.
        layers: of each node's stack; the input block and the tail have none.
        edges: by source, then target.
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
        """(source, target) -> the place of that edge among all."""
        return {(edge.source, edge.target): place for place, edge in enumerate(self.edges)}

    def leaving(self, node: int) -> list[Edge]:
        """Return the edges from a node, to the nearest target first."""
        return [edge for edge in self.edges if edge.source == node]

    def entering(self, node: int) -> list[Edge]:
        """Return the edges to a node, from the nearest source first."""
        return [edge for edge in reversed(self.edges) if edge.target == node]

    def paths(self) -> Iterator[tuple[int, ...]]:
        """Yield every path from the input block to the tail, as nodes."""

        def onwards(path: tuple[int, ...]) -> Iterator[tuple[int, ...]]:
            if path[-1] == self.tail:
                yield path
            for edge in self.leaving(path[-1]):
                yield from onwards((*path, edge.target))

        return onwards((0,))

    def ways(self) -> list[int]:
        """Return how many paths there are from each node to the tail."""
        counts = [0] * self.tail + [1]
        for edge in reversed(self.edges):
            counts[edge.source] += counts[edge.target]
        return counts

    def architectures(self) -> int:
        """Return how many networks there are: paths, with any number of layers on each block."""
        counts = [1] + [0] * self.tail
        for edge in sorted(self.edges, key=lambda edge: edge.target):
            counts[edge.target] += counts[edge.source] * (self.layers[edge.target] + 1)
        return counts[-1]

    def check(self) -> None:
        """Check that every block lies on some path.

        Raises:
            ValueError: naming the first that does not.
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
        return "the tail" if node == self.tail else f"block {node} ({self.channels[node]} channels)"
