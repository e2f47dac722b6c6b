"""What a supernet consists of, as data, and the graph that follows from it. No torch."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, cached_property
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

TABLES = Path(__file__).with_name("supernets.toml")
# A block feeds at most so many of those after it.
REACH = 10
# Larger numbers are typing errors.
Width = Annotated[int, Meta(ge=1, le=9999)]
Layers = Annotated[int, Meta(ge=0, le=999)]


class SupernetTable(Struct, frozen=True, forbid_unknown_fields=True):
    """The blocks of a supernet, stage by stage; the first stage is the input block alone.

    The tail, a stage of its own after the last, has the channels of the last block.

    Attributes:
        channels: of the blocks of each stage.
        sizes: of each stage's maps; only their ratios matter, which are 1 or 2.
        stack: layers on each block that may be kept or left out, for a whole stage or block by
            block.
    """

    channels: tuple[Annotated[tuple[Width, ...], Meta(min_length=1)], ...]
    sizes: tuple[Width, ...]
    stack: tuple[Layers | tuple[Layers, ...], ...]

    def __post_init__(self) -> None:
        """Refuse tables that do not describe one connected supernet.

        Raises:
            ValueError: naming the block or the key that is wrong.
        """
        stages = len(self.channels)
        for name, found in (("sizes", len(self.sizes)), ("stack", len(self.stack))):
            if found != stages:
                raise ValueError(f"{name} has {found} values for {stages} stages")
        if stages < 2 or len(self.channels[0]) != 1:
            raise ValueError("channels begins with the one width of the input block, then blocks")
        for number, (widths, layers) in enumerate(zip(self.channels, self.stack, strict=True)):
            if not isinstance(layers, int) and len(layers) != len(widths):
                raise ValueError(
                    f"stack of stage {number} has {len(layers)} values for {len(widths)} blocks"
                )
        if self.stack[0] not in (0, (0,)):
            raise ValueError("the input block has no stack: begin with 0")
        self.graph.check()

    @property
    def graph(self) -> Graph:
        """The blocks and which of them feed which."""
        return _graph(self)


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


@cache
def _graph(table: SupernetTable) -> Graph:
    nodes: list[tuple[int, int, int, int]] = []  # stage, channels, size, layers
    for stage, (widths, size, stack) in enumerate(
        zip(table.channels, table.sizes, table.stack, strict=True)
    ):
        each = (stack,) * len(widths) if isinstance(stack, int) else stack
        nodes += [(stage, width, size, n) for width, n in zip(widths, each, strict=True)]
    nodes.append((len(table.channels), nodes[-1][1], nodes[-1][2], 0))
    edges = []
    for source, (stage, _, size, _) in enumerate(nodes):
        for target in range(source + 1, min(source + REACH + 1, len(nodes))):
            later, _, smaller, _ = nodes[target]
            # What lies behind the first that cannot be fed is not looked at (released code).
            if later - stage > 1 or size not in (smaller, 2 * smaller):
                break
            edges.append(Edge(source, target, size // smaller))
    return Graph(tuple(n[1] for n in nodes), tuple(n[3] for n in nodes), tuple(edges))


def supernet_table(name: str) -> SupernetTable:
    """Return one of NAS-Bench-360's supernets: a task's name, with ``-random`` for random search.

    Raises:
        ValueError: there is none of that name.
    """
    known = _tables()
    if name not in known:
        near = get_close_matches(name, known, 1)
        raise ValueError(f"no supernet {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    return msgspec.convert(known[name], SupernetTable)


@cache
def _tables() -> Mapping[str, Any]:
    return tomllib.loads(TABLES.read_text(encoding="utf-8"))
