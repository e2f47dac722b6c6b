"""What a supernet consists of, as data. No torch."""

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
