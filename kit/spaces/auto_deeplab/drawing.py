"""Drawings of an architecture's path: layers from left to right, levels from top to bottom."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from kit.spaces.auto_deeplab.layout import LEVELS, levels

# Colours of the path, a blue of Okabe and Ito, and of all other steps.
COLOUR, FAINT = "#0072B2", "#BBBBBB"
# Pixels of a sketch: the distance of two layers or levels, its margin, and the width of labels.
STEP, MARGIN, LABEL = 30, 15, 40
LEGEND = "Each column is a layer, each row a resolution; the line is the path that was found."


def steps(layers: int) -> list[tuple[int, int, int]]:
    """Return all steps of a trellis with a number of layers: (layer, level before, level after)."""
    return [
        (layer, before, after)
        for layer in range(layers)
        for before in levels(layer - 1)
        for after in levels(layer)
        if abs(before - after) <= 1
    ]


def draw(axes: Any, path: Sequence[int], notes: Sequence[str]) -> None:
    """Draw a path on axes of matplotlib.

    Args:
        axes: empty.
        path: the level after each layer.
        notes: lines of text below the drawing.
    """
    for layer, before, after in steps(len(path)):
        axes.plot([layer, layer + 1], [before, after], color=FAINT, linewidth=0.6, zorder=0)
    dots = [(0, 0)] + [(layer + 1, level) for layer in range(len(path)) for level in levels(layer)]
    axes.scatter(*zip(*dots, strict=True), s=18, color="white", edgecolors=FAINT, zorder=1)
    axes.plot(range(len(path) + 1), [0, *path], "o-", color=COLOUR, linewidth=2, zorder=2)
    axes.set_yticks(range(LEVELS), [f"1/{4 << level}" for level in range(LEVELS)])
    axes.set_xticks(range(len(path) + 1), ["stem", *map(str, range(1, len(path) + 1))])
    axes.set(xlabel="layer", ylabel="resolution", ylim=(LEVELS - 0.6, -0.4))
    text = "\n".join(notes)
    axes.text(0, -0.3, text, transform=axes.transAxes, va="top", family="monospace", fontsize=7)
    axes.spines[["top", "right"]].set_visible(False)


def sketch(path: Sequence[int]) -> str:
    """Return a small SVG element with a path, given as the level after each layer."""

    def place(column: int, level: int) -> str:
        return f"{LABEL + MARGIN + STEP * column} {MARGIN + STEP * level}"

    faint = "".join(
        f"M{place(layer, before)}L{place(layer + 1, after)}"
        for layer, before, after in steps(len(path))
    )
    chosen = "L".join(place(column, level) for column, level in enumerate([0, *path]))
    names = "".join(
        f'<text class="muted" x="0" y="{MARGIN + STEP * level + 4}">1/{4 << level}</text>'
        for level in range(LEVELS)
    )
    size = f"0 0 {LABEL + 2 * MARGIN + STEP * len(path)} {2 * MARGIN + STEP * (LEVELS - 1)}"
    description = "resolutions: " + ", ".join(f"1/{4 << level}" for level in path)
    return (
        f'<svg class="taps" viewBox="{size}" role="img" aria-label="{description}">{names}'
        f'<path class="reach" d="{faint}" fill="none"/>'
        f'<path d="M{chosen}" fill="none" stroke="currentColor" stroke-width="3"/></svg>'
    )
