"""Drawings of layers from left to right, with an arc for each output that is added to a later one.

No torch.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from kit.spaces.amber.tokens import Layer, boundaries

# Colours of Okabe and Ito: convolutions, dilated convolutions, poolings, identity.
COLOURS = {
    "conv-8": "#56B4E9",
    "conv-4": "#56B4E9",
    "conv-8-dilated": "#009E73",
    "conv-4-dilated": "#009E73",
    "max-pool": "#E69F00",
    "average-pool": "#E69F00",
    "identity": "#FFFFFF",
}
# Width and height of a layer's box, where the distance of two layers is 1.
WIDTH, HEIGHT = 0.5, 1.9
# There is no sketch of more layers.
MOST_SKETCHED = 40
# Pixels of a sketch: the distance of two layers, height of a box, and space below the boxes.
UNIT, BOX, LINE = 36, 92, 16
LEGEND = (
    "Layers from left to right; an arc adds an earlier layer’s output, and at a dashed line "
    "channels double and positions fall to a quarter."
)


def draw(axes: Any, layers: Sequence[Layer]) -> None:
    """Draw layers on empty axes of matplotlib, and set the size of the figure."""
    from matplotlib.patches import Arc, Rectangle

    count, highest = len(layers), 1.0
    axes.plot([-1, count], [0, 0], color="black", linewidth=0.8, zorder=0)
    for number, (operation, skips) in enumerate(layers):
        corner = (number - WIDTH / 2, -HEIGHT / 2)
        axes.add_patch(
            Rectangle(
                corner, WIDTH, HEIGHT, facecolor=COLOURS[operation], edgecolor="black", lw=0.7
            )
        )
        axes.text(number, 0, operation, rotation=90, ha="center", va="center", fontsize=6.5)
        axes.text(number, -HEIGHT / 2 - 0.1, str(number), ha="center", va="top", fontsize=6.5)
        for earlier in skips:
            span = number - earlier
            highest = max(highest, span * 0.45)
            axes.add_patch(
                Arc(
                    ((number + earlier) / 2, HEIGHT / 2),
                    span,
                    span * 0.9,
                    theta1=0,
                    theta2=180,
                    lw=0.6,
                    color="black",
                )
            )
    for layer in boundaries(count):
        axes.axvline(layer + 0.5, color="grey", linewidth=0.6, linestyle="--", zorder=0)
    low, high = -HEIGHT / 2 - 0.6, HEIGHT / 2 + highest + 0.2
    axes.set(xlim=(-1.1, count + 0.1), ylim=(low, high), aspect="equal")
    axes.axis("off")
    axes.figure.set_size_inches((count + 1.2) * 0.5, (high - low) * 0.5)


def sketch(layers: Sequence[Layer]) -> tuple[str, str] | None:
    """Return an SVG element with the layers, and its legend; None if there are too many."""
    if len(layers) > MOST_SKETCHED:
        return None
    longest = max((n - min(skips) for n, (_, skips) in enumerate(layers) if skips), default=0)
    top = longest * UNIT // 3 + 4
    parts = []
    for number, (operation, skips) in enumerate(layers):
        x = number * UNIT + UNIT // 2
        middle = top + BOX // 2
        parts.append(
            f'<rect x="{x - 11}" y="{top}" width="22" height="{BOX}" '
            f'fill="{COLOURS[operation]}" stroke="currentColor"/>'
            f'<text x="{x}" y="{middle}" transform="rotate(-90 {x} {middle})" font-size="11" '
            f'text-anchor="middle" dominant-baseline="central">{escape(operation)}</text>'
        )
        for earlier in skips:
            begin, rise = earlier * UNIT + UNIT // 2, (number - earlier) * UNIT * 2 // 3
            curve = f"M{begin} {top}C{begin} {top - rise // 1.5:.0f} {x} {top - rise // 1.5:.0f}"
            parts.append(f'<path d="{curve} {x} {top}" fill="none" stroke="currentColor"/>')
    for layer in boundaries(len(layers)):
        x = (layer + 1) * UNIT
        parts.append(f'<path d="M{x} 0V{top + BOX}" stroke="currentColor" stroke-dasharray="3 3"/>')
    description = "; ".join(
        f"{number}: {operation}" + (f" plus {', '.join(map(str, skips))}" if skips else "")
        for number, (operation, skips) in enumerate(layers)
    )
    size = f"0 0 {UNIT * len(layers)} {top + BOX + LINE}"
    opening = f'<svg class="layers" viewBox="{size}" role="img" aria-label="{escape(description)}">'
    return f"{opening}{''.join(parts)}</svg>", LEGEND
