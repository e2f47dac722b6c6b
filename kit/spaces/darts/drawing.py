"""Drawings of cells as graphs, from the inputs on the left to the output on the right. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from kit.spaces.darts.genotype import INPUTS, NODES, node_of

LEGEND = (
    "Cells from left to right: the outputs of the last two cells, the four nodes, each the sum of "
    "two operations, and their channels together."
)
NAMES = {
    "max_pool_3x3": "max 3",
    "avg_pool_3x3": "avg 3",
    "skip_connect": "skip",
    "sep_conv_3x3": "sep 3",
    "sep_conv_5x5": "sep 5",
    "dil_conv_3x3": "dil 3",
    "dil_conv_5x5": "dil 5",
}
STATES = ("k−2", "k−1", "2", "3", "4", "5", "out")
OUTPUT = len(STATES) - 1
# Coordinates of the states, in the units of the drawing; nodes are in a row, so that no label is
# hidden.
PLACES = ((0.0, 0.8), (0.0, -0.8), (1.5, 0.0), (3.0, 0.0), (4.5, 0.0), (6.0, 0.0), (7.0, 0.0))
# Height of one cell, below which the next one is drawn, and of its part above the nodes.
HEIGHT, TOP = 4.4, 2.0
# Pixels per unit, in a sketch.
PIXELS = 62

Point = tuple[float, float]
Cell = Sequence[Sequence[Any]]


def arcs(cell: Cell) -> list[tuple[Point, Point, Point, str]]:
    """Return (start, control point, end, name of the operation) of each edge of a cell.

    An edge is drawn as a parabola, which is higher for a greater distance. Of the two edges of a
    node, one comes from above and one from below.
    """
    result = []
    for number, (name, source) in enumerate(cell):
        start, end = PLACES[source], PLACES[node_of(number)]
        side = 1.0 if number % 2 == 0 else -1.0
        if source < INPUTS:
            side = 1.0 if source == 0 else -1.0
        bow = 0.34 * (end[0] - start[0]) + 0.1 * (number % 2)
        middle = (
            (start[0] + end[0]) / 2,
            side * bow if source >= INPUTS else start[1] + side * bow / 2,
        )
        result.append((start, middle, end, NAMES[name]))
    return result


def draw(axes: Any, cells: Mapping[str, Cell]) -> None:
    """Draw cells below each other on axes of matplotlib, and set the size of the figure.

    Args:
        axes: empty.
        cells: title -> edges.
    """
    from matplotlib.patches import FancyArrowPatch
    from matplotlib.path import Path

    for row, (title, cell) in enumerate(cells.items()):
        down = -HEIGHT * row
        for start, middle, end, name in arcs(cell):
            points = [(x, y + down) for x, y in (start, middle, end)]
            path = Path(points, [Path.MOVETO, Path.CURVE3, Path.CURVE3])
            axes.add_patch(
                FancyArrowPatch(
                    path=path,
                    arrowstyle="-|>",
                    mutation_scale=7,
                    linewidth=0.7,
                    color="#555555",
                    shrinkA=0,
                    shrinkB=9,
                    zorder=1,
                )
            )
            x, y = halfway(*points)
            box = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
            axes.text(x, y, name, fontsize=6.5, ha="center", va="center", bbox=box, zorder=3)
        for node in range(INPUTS, INPUTS + NODES):
            (x, y), (right, _) = PLACES[node], PLACES[OUTPUT]
            lift = 0.0 if node == OUTPUT - 1 else -1.55
            axes.plot([x, x, right, right], [y + down, lift + down, lift + down, down], ":",
                      color="#999999", linewidth=0.6, zorder=0)  # fmt: skip
        for label, (x, y) in zip(STATES, PLACES, strict=True):
            shape = {
                "boxstyle": "round,pad=0.3",
                "facecolor": "#DDEEF8",
                "edgecolor": "black",
                "lw": 0.6,
            }
            axes.text(
                x, y + down, label, fontsize=7, ha="center", va="center", bbox=shape, zorder=4
            )
        axes.text(-0.5, down + TOP - 0.25, f"{title} cell", fontsize=8, ha="left")
    low = -HEIGHT * (len(cells) - 1) - TOP
    axes.set(xlim=(-0.6, 7.5), ylim=(low, TOP + 0.2), aspect="equal")
    axes.axis("off")
    axes.figure.set_size_inches(6.2, 0.72 * (TOP + 0.4 - low))


def halfway(start: Point, middle: Point, end: Point) -> Point:
    """Return the middle of a parabola, given its start, control point and end."""
    return (
        (start[0] + 2 * middle[0] + end[0]) / 4,
        (start[1] + 2 * middle[1] + end[1]) / 4,
    )


def svg(cells: Mapping[str, Cell]) -> str:
    """Return an SVG element with cells below each other; ``cells`` is title -> edges."""
    parts, descriptions = [], []
    for row, (title, cell) in enumerate(cells.items()):
        top = HEIGHT * row + TOP
        parts.append(f'<text x="4" y="{PIXELS * (top - TOP) + 16:.0f}">{escape(title)} cell</text>')
        for start, middle, end, name in arcs(cell):
            points = [_pixels(point, top) for point in (start, middle, end)]
            first, *others = (f"{x:.0f} {y:.0f}" for x, y in points)
            curve = f"M{first}Q{' '.join(others)}"
            parts.append(f'<path class="reach" fill="none" d="{curve}"/>')
            x, y = halfway(points[0], points[1], points[2])
            parts.append(f'<text x="{x:.0f}" y="{y - 3:.0f}" text-anchor="middle">{name}</text>')
        for label, place in zip(STATES[:OUTPUT], PLACES[:OUTPUT], strict=True):
            x, y = _pixels(place, top)
            parts.append(f'<circle cx="{x:.0f}" cy="{y:.0f}" r="3"/>')
            place_of = f'x="{x:.0f}" y="{y + 18:.0f}" text-anchor="middle"'
            parts.append(f'<text class="muted" {place_of}>{label}</text>')
        edges = ", ".join(f"{name} of {source}" for name, source in cell)
        descriptions.append(f"{title} cell: {edges}")
    size = f"0 0 {PIXELS * 7} {PIXELS * HEIGHT * len(cells):.0f}"
    label = escape("; ".join(descriptions))
    opening = f'<svg class="taps" viewBox="{size}" role="img" aria-label="{label}">'
    return f"{opening}{''.join(parts)}</svg>"


def _pixels(point: Point, top: float) -> Point:
    """Return the place of a point in a sketch, whose cell has its nodes at ``top`` from above."""
    return PIXELS * (point[0] + 0.4), PIXELS * (top - point[1])
