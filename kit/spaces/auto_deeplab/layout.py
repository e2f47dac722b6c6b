"""The numbering of states, edges and levels in cells and in the trellis. No torch.

A cell has two inputs, states 0 and 1, and steps; step i (from 0) computes state i + 2 from earlier
states. Edges are numbered by step, then by the state that they come from.

The trellis is the graph of all levels after all layers. Level 0 has a quarter of the input's
resolution, and each further level half the resolution of the level before.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

LEVELS = 4
LAYERS, STEPS = 12, 5
"""Numbers of layers and of steps per cell of the published networks."""

Layer1Beta = Literal["same", "down"]
"""Which beta weighs staying on level 1 at layer 1: that of this step, or that of the step down."""

OpOrder = Literal["rows", "ascending"]
"""Which edge gets the operation of a row: that of the row, or the next one in ascending order."""


def first_edge(step: int) -> int:
    """Return the number of a step's first edge, which is also how many edges come before it."""
    return step * (step + 3) // 2


def sources(step: int) -> range:
    """Return the states that a step can read."""
    return range(step + 2)


def levels(layer: int) -> range:
    """Return the levels that exist after a layer, from 0, or after the stem, layer -1."""
    return range(min(layer + 2, LEVELS))


def built(cell: Sequence[tuple[int, str]], order: OpOrder) -> dict[int, str]:
    """Return the operation of each edge of a network, by ascending edge.

    Args:
        cell: rows (edge, operation), two for each step.
        order: ``ascending`` is a mistake of the papers' code: operations are created in the order
            of rows and used in that of edges, which swaps those of a step whose first row has the
            larger edge.
    """
    edges = sorted(edge for edge, _ in cell)
    if order == "ascending":
        return dict(zip(edges, (operation for _, operation in cell), strict=True))
    return {edge: dict(cell)[edge] for edge in edges}
