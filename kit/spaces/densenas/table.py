"""The blocks of a supernet as data. No torch."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from functools import cache
from pathlib import Path
from typing import Annotated, Any

import msgspec
from msgspec import Meta, Struct

from kit.spaces.densenas.graph import Edge, Graph

TABLES = Path(__file__).with_name("supernets.toml")
# A block feeds at most this many of the blocks after it.
REACH = 10
# Larger numbers than these upper bounds are typing errors.
Width = Annotated[int, Meta(ge=1, le=9999)]
Layers = Annotated[int, Meta(ge=0, le=999)]


class SupernetTable(Struct, frozen=True, forbid_unknown_fields=True):
    """The blocks of a supernet by stage; the first stage is only the input block.

    The tail is a further stage after the last and has the channels of the last block.

    Attributes:
        channels: channels of the blocks of each stage.
        sizes: size of the maps of each stage; only the ratios matter, which must be 1 or 2.
        stack: number of layers, which may be kept or left out, on each block of each stage: one
            number for all blocks of the stage, or one for each block.
    """

    channels: tuple[Annotated[tuple[Width, ...], Meta(min_length=1)], ...]
    sizes: tuple[Width, ...]
    stack: tuple[Layers | tuple[Layers, ...], ...]

    def __post_init__(self) -> None:
        """Check that the table describes a connected supernet.

        Raises:
            ValueError: it does not; the message names the block or the key that is wrong.
        """
        stages = len(self.channels)
        for name, count in (("sizes", len(self.sizes)), ("stack", len(self.stack))):
            if count != stages:
                raise ValueError(f"{name} has {count} values for {stages} stages")
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
        """The graph of the blocks and their connections."""
        return _graph(self)


@cache
def _graph(table: SupernetTable) -> Graph:
    """Return the graph of a table."""
    nodes: list[tuple[int, int, int, int]] = []  # stage, channels, size, layers
    for stage, (widths, size, stack) in enumerate(
        zip(table.channels, table.sizes, table.stack, strict=True)
    ):
        counts = (stack,) * len(widths) if isinstance(stack, int) else stack
        nodes += [(stage, width, size, n) for width, n in zip(widths, counts, strict=True)]
    nodes.append((len(table.channels), nodes[-1][1], nodes[-1][2], 0))
    edges = []
    for source, (stage, _, size, _) in enumerate(nodes):
        for target in range(source + 1, min(source + REACH + 1, len(nodes))):
            later, _, smaller, _ = nodes[target]
            # As in the released code, blocks after the first that cannot be fed are not considered.
            if later - stage > 1 or size not in (smaller, 2 * smaller):
                break
            edges.append(Edge(source, target, size // smaller))
    return Graph(tuple(n[1] for n in nodes), tuple(n[3] for n in nodes), tuple(edges))


def supernet_table(name: str) -> SupernetTable:
    """Return one of NAS-Bench-360's supernets.

    Args:
        name: name of a task, with ``-random`` for the supernet of random search.

    Raises:
        ValueError: there is no supernet of that name.
    """
    known = _tables()
    if name not in known:
        near = get_close_matches(str(name), known, 1)
        raise ValueError(f"no supernet {name!r}" + (f"; did you mean {near[0]!r}?" if near else ""))
    return msgspec.convert(known[name], SupernetTable)


@cache
def _tables() -> Mapping[str, Any]:
    """Return name -> table of all supernets, not checked."""
    return tomllib.loads(TABLES.read_text(encoding="utf-8"))
