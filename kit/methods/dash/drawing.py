"""Drawing of a searched network from left to right, as in appendix A.8.

The height of a layer is its kernel size, not its number of channels.
"""

from __future__ import annotations

from typing import Any

from kit.methods.dash.notation import DiagramBlock, DiagramLayer, DiagramNetwork

# Sky blue of Okabe and Ito.
COLOUR = "#56B4E9"

# Widths and distances, in inches.
CONVOLUTION, BAR, GAP, BETWEEN = 0.34, 0.21, 0.045, 0.13
TALLEST, BAR_HEIGHT = 1.1, 0.66
SMALL = 5.5


def draw(axes: Any, network: DiagramNetwork) -> None:
    """Draw a network on matplotlib axes, and set the size of their figure to fit."""
    sizes = [layer.kernel_size for layer in _layers(network)]
    pen = _Pen(axes, TALLEST / max(sizes), network)
    for layer in network.stem:
        pen.convolution(layer)
    for block in network.blocks:
        pen.block(block)
    pen.x += BETWEEN
    for part in network.head:
        pen.bar(part, "#FFFFFF")
    pen.finish()


def _layers(network: DiagramNetwork) -> list[DiagramLayer]:
    return [*network.stem, *(layer for block in network.blocks for layer in block.layers)]


class _Pen:
    """Draws parts one after the other on a line, in inches."""

    def __init__(self, axes: Any, scale: float, network: DiagramNetwork) -> None:
        self.axes, self.scale, self.network = axes, scale, network
        self.x = 0.0

    def convolution(self, layer: DiagramLayer) -> None:
        k, half = layer.kernel_size, layer.kernel_size * self.scale / 2
        self._box(CONVOLUTION, 2 * half, COLOUR)
        size = "×".join([str(k)] * self.network.dims)
        middle = self.x - GAP - CONVOLUTION / 2
        self.axes.text(
            middle, half + 0.03, f"{size},{layer.dilation}", ha="center", va="bottom", fontsize=6.2
        )

    def bar(self, words: str, colour: str = "#EEEEEE") -> None:
        """Draw an operation without searched weights as a bar with its name."""
        width = BAR if "\n" in words else 0.14
        self._box(width, BAR_HEIGHT, colour)
        self.axes.text(
            self.x - GAP - width / 2,
            0,
            words,
            rotation=90,
            ha="center",
            va="center",
            fontsize=SMALL,
            linespacing=0.95,
            multialignment="center",
        )

    def block(self, block: DiagramBlock) -> None:
        self.x += BETWEEN
        start = self.x
        operations = self.network.operations
        for number, layer in enumerate(block.layers):
            if self.network.side == "before":
                # The dropout is between the block's convolutions.
                self.bar(operations if number else operations.splitlines()[-1])
            self.convolution(layer)
            if self.network.side == "after":
                self.bar(operations)
        self._name(block, start, self.x - GAP)
        if block.residual:
            self._shortcut(start)

    def finish(self) -> None:
        """Draw the line that joins all parts, and fit the figure to what was drawn."""
        end = self.x + 0.1
        self.axes.plot([-0.15, end], [0, 0], color="black", linewidth=0.8, zorder=0)
        low, high = -TALLEST / 2 - 0.32, TALLEST / 2 + 0.28
        self.axes.set(xlim=(-0.15, end), ylim=(low, high), aspect="equal")
        self.axes.axis("off")
        self.axes.figure.set_size_inches(end + 0.25, high - low + 0.28)

    def _box(self, width: float, height: float, colour: str) -> None:
        from matplotlib.patches import Rectangle

        self.axes.add_patch(
            Rectangle(
                (self.x, -height / 2), width, height, facecolor=colour, edgecolor="black", lw=0.7
            )
        )
        self.x += width + GAP

    def _shortcut(self, start: float) -> None:
        """Draw the line around a block to where its output is added."""
        from matplotlib.patches import Circle

        radius, top = 0.06, TALLEST / 2 + 0.24
        begin, centre = start - BETWEEN / 2, self.x + radius
        self.axes.plot(
            [begin, begin, centre, centre], [0, top, top, 0], color="black", linewidth=0.7, zorder=0
        )
        self.axes.add_patch(
            Circle((centre, 0), radius, facecolor="white", edgecolor="black", lw=0.7)
        )
        self.axes.text(centre, -0.003, "+", ha="center", va="center", fontsize=6.5)
        self.x = centre + radius + GAP

    def _name(self, block: DiagramBlock, start: float, end: float) -> None:
        """Write the block's notation below a bracket as wide as the block."""
        y = -TALLEST / 2 - 0.06
        self.axes.plot([start, start, end, end], [y + 0.04, y, y, y + 0.04], "k-", linewidth=0.6)
        subscript = block.notation.removeprefix("Block").lstrip(",").replace(",", "{,}")
        self.axes.text(
            (start + end) / 2,
            y - 0.03,
            rf"$\mathrm{{Block}}_{{{subscript}}}$",
            ha="center",
            va="top",
            fontsize=7.5,
        )
