"""Cells as the architectures in the kit's results, files and pages. No torch."""

from __future__ import annotations

import ast
import re
from html import escape
from typing import Any

from kit.files import decode_given_json
from kit.spaces.nas_bench_201.cell import EDGES, Cell

COLOURS = {
    "nor_conv_3x3": "#0072B2",
    "nor_conv_1x1": "#56B4E9",
    "avg_pool_3x3": "#E69F00",
    "skip_connect": "#000000",
}
"""Colours of Okabe and Ito; ``none`` is not drawn."""
LEGEND = "Nodes from the input, 0, to the output, 3; an edge without operation is not drawn."
_STRING = re.compile(r"\|[^\n+]*\|(?:\s*\+\s*\|[^\n+]*\|)*")
# Pixels of a sketch: the distance of two nodes, and the height of an arc between neighbours.
UNIT, RISE = 110, 34


class Cell201:
    """The kind of architecture of this space: see ``kit.architecture.ArchitectureKind``.

    A value is the string of a cell.
    """

    name, version = "cell-201", 1

    def read(self, text: str) -> Any:
        """Return the string of the cell in a text.

        Args:
            text: the string of a cell, also as part of what NAS-Bench-201's code prints; its number
                in the published order; or a genotype as JSON or as Python prints it.

        Raises:
            ValueError: it is none of these, or has several cells.
        """
        text = text.strip()
        if text.isdecimal():
            return Cell.of(int(text)).string
        cells = _STRING.findall(text)
        if len(cells) > 1:
            raise ValueError(f"it holds {len(cells)} cells; leave the one that is meant")
        if cells:
            return Cell.parse(cells[0]).string
        if text.startswith("(") and len(text) < 10_000:  # as Python prints a genotype
            try:
                value = ast.literal_eval(text)
            except (SyntaxError, ValueError, TypeError):
                raise ValueError("it is neither a cell's string nor a genotype") from None
        else:
            value = decode_given_json(text)
        return Cell.of(value).string

    def check(self, value: Any) -> None:
        """Check that a value is the string of a cell.

        Raises:
            ValueError: it is not; the message names the node.
        """
        if not isinstance(value, str):
            raise ValueError(f"a cell's string is needed, not {value!r:.40}")
        Cell.parse(value)

    def likeness(self, one: Any, other: Any) -> float:
        """Return the share, from 0 to 1, of the edges with the same operation in both."""
        pairs = zip(Cell.of(one).operations, Cell.of(other).operations, strict=True)
        return sum(a == b for a, b in pairs) / len(EDGES)

    def describe(self, value: Any, spec: Any, task: Any) -> str:
        """Return the string of the cell and its number in the published order."""
        del spec, task
        cell = Cell.of(value)
        return f"{cell.string}\nnumber {cell.index}\n"

    def draw(self, axes: Any, value: Any, spec: Any, task: Any) -> None:
        """Draw nodes from left to right and an arc for each edge on axes of matplotlib."""
        del spec, task
        from matplotlib.patches import Arc

        for source, node, name in _edges(value):
            span = node - source
            axes.add_patch(
                Arc(
                    ((source + node) / 2, 0),
                    span,
                    span * 0.7,
                    theta1=0,
                    theta2=180,
                    color=COLOURS[name],
                )
            )
            height = span * 0.35
            axes.text(
                (source + node) / 2,
                height + 0.03,
                name,
                ha="center",
                fontsize=7,
                color=COLOURS[name],
            )
        for node in range(4):
            axes.text(
                node, 0, str(node), ha="center", va="center", bbox={"boxstyle": "circle", "fc": "w"}
            )
        axes.set(xlim=(-0.3, 3.3), ylim=(-0.3, 1.25), aspect="equal")
        axes.axis("off")

    def sketch(self, value: Any) -> tuple[str, str] | None:
        """Return an SVG element with nodes and arcs, and its legend."""
        base, parts = 3 * RISE + 20, []
        for source, node, name in _edges(value):
            left, right = (20 + UNIT * place for place in (source, node))
            top, middle = base - (node - source) * RISE, (left + right) // 2
            parts.append(
                f'<path d="M{left} {base}Q{middle} {2 * top - base} {right} {base}" fill="none" '
                f'stroke="{COLOURS[name]}"/><text x="{middle}" y="{top - 3}" font-size="11" '
                f'text-anchor="middle">{escape(name)}</text>'
            )
        parts += [
            f'<circle cx="{20 + UNIT * node}" cy="{base}" r="9" fill="white" '
            f'stroke="currentColor"/><text x="{20 + UNIT * node}" y="{base + 4}" font-size="11" '
            f'text-anchor="middle" fill="black">{node}</text>'
            for node in range(4)
        ]
        opening = (
            f'<svg class="cell" viewBox="0 0 {3 * UNIT + 40} {base + 14}" role="img" '
            f'aria-label="{escape(Cell.of(value).string)}">'
        )
        return f"{opening}{''.join(parts)}</svg>", LEGEND

    def setting(self, value: Any, task: Any) -> Any:
        """Return the string of the cell."""
        del task
        return Cell.of(value).string


def _edges(value: Any) -> list[tuple[int, int, str]]:
    """Return (source, node, operation) of each edge whose operation is not ``none``."""
    names = Cell.of(value).operations
    edges = [(*edge, name) for edge, name in zip(EDGES, names, strict=True)]
    return [each for each in edges if each[2] != "none"]
