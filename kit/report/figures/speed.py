"""Figures 2 and 3 of DASH: log10 seconds of search steps, method by method."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, Protocol

from kit.report.figures import COLOURS, MARKERS, pyplot

TITLES = {
    "dense": "all methods dense",
    "depthwise": "all methods depthwise",
    "released-quirk": "as released: baselines dense, DASH depthwise",
}
NAMES = {"auto": "DASH (kit)", "released": "DASH (released)"}
AXES = {2: "kernel sizes = dilations = c (n = 1000)", 3: "input size n (25 operations)"}


class Point(Protocol):
    """One measured time."""

    @property
    def variant(self) -> str:
        """The panel that it belongs to."""

    @property
    def x(self) -> int:
        """Where on the axis: c, or n."""

    @property
    def method(self) -> str:
        """The line that it belongs to."""

    @property
    def seconds(self) -> float:
        """Of a search epoch."""


def draw(figure: int, points: Sequence[Point], caption: str) -> Any:
    """Return the matplotlib figure: one panel per variant, one line per method."""
    drawn = pyplot()(figsize=(11, 3.6), layout="constrained")
    variants = [name for name in TITLES if any(point.variant == name for point in points)]
    panels = drawn.subplots(1, len(variants), sharey=True, squeeze=False)[0]
    methods = list(dict.fromkeys(point.method for point in points))
    for panel, variant in zip(panels, variants, strict=True):
        for index, method in enumerate(methods):
            line = [p for p in points if (p.variant, p.method) == (variant, method)]
            panel.plot(
                [point.x for point in line],
                [math.log10(point.seconds) for point in line],
                color=COLOURS[index],
                marker=MARKERS[index],
                label=NAMES.get(method, method),
            )
        panel.set_title(TITLES[variant], fontsize=10)
        panel.set_xlabel(AXES[figure])
        panel.grid(alpha=0.3)
        if figure == 3:
            panel.set_xscale("log", base=2)
    panels[0].set_ylabel("log10 seconds")
    panels[0].legend(fontsize=8)
    drawn.suptitle(caption, fontsize=9)
    return drawn


def text(figure: int, points: Sequence[Point], caption: str) -> str:
    """Return the figure as a table of seconds, one block per variant."""
    methods = list(dict.fromkeys(point.method for point in points))
    lines = [f"Figure {figure} of dash: {caption}", "seconds"]
    for variant, title in TITLES.items():
        chosen = {(p.x, p.method): p.seconds for p in points if p.variant == variant}
        lines += ["", title, "".join(name.rjust(16) for name in ("x", *methods))]
        for x in sorted({x for x, _ in chosen}):
            cells = [f"{chosen[x, method]:.4g}" for method in methods]
            lines.append("".join(cell.rjust(16) for cell in (str(x), *cells)))
    return "\n".join(lines) + "\n"
