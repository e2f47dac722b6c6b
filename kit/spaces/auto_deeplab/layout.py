"""How cells and the trellis are laid out: edges, levels, their numbers. No torch.

A cell has two inputs, states 0 and 1, and steps; step i (from 0) makes state i + 2 of all states
before it. Edges are numbered step by step, within a step by the state that they come from.

Level 0 is a quarter of the input's resolution, each next one half of the one before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

LEVELS = 4
LAYERS, STEPS = 12, 5
"""Of the published networks."""

Layer1Beta = Literal["same", "down"]
"""Which beta weighs what stays on level 1 at layer 1: its own, or that of the step down."""

OpOrder = Literal["rows", "ascending"]
"""Which edge gets the operation of a row: the row's own, or edges in ascending order in turn."""


def first_edge(step: int) -> int:
    """Return the number of a step's first edge, which is also how many edges come before it."""
    return step * (step + 3) // 2


def sources(step: int) -> range:
    """Return the states that a step can take in."""
    return range(step + 2)


def levels(layer: int) -> range:
    """Return the levels that there are after a layer; -1 for the stem."""
    return range(min(layer + 2, LEVELS))


def built(cell: Sequence[tuple[int, str]], order: OpOrder) -> dict[int, str]:
    """Return the operation of each edge of a network, by ascending edge.

    Args:
        cell: rows (edge, operation), two for each step.
        order: ``ascending`` is the original's slip: operations are made in the order of rows and
            met in that of edges, so those of a step whose first row has the larger edge change
            places.
    """
    edges = sorted(edge for edge, _ in cell)
    if order == "ascending":
        return dict(zip(edges, (operation for _, operation in cell), strict=True))
    return {edge: dict(cell)[edge] for edge in edges}
