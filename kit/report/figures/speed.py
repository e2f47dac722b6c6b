"""Figures 2 and 3 of DASH: seconds of search steps by method, on a logarithmic scale."""

from __future__ import annotations

import math
from typing import Any

from kit.bench.step_times import StepTimes, load
from kit.errors import DataError
from kit.report.figures import COLOURS, MARKERS, WIDE, new
from kit.spec import Profile

TITLES = {
    "dense": "all methods dense",
    "depthwise": "all methods depthwise",
    "released-quirk": "as released: only DASH depthwise",
}
NAMES = {"auto": "DASH (kit)", "released": "DASH (released)"}
FIGURES = (2, 3)
AXES = {2: "c kernel sizes, c dilations (n = 1000)", 3: "input size n (25 operations)"}


def make(figure: int, profile: Profile | None = None) -> StepTimes:
    """Return what was measured, by default at the fullest profile.

    Raises:
        DataError: nothing was.
    """
    measured = load(figure, profile)
    if measured is None:
        command = f"kit reproduce --figure {figure} --profile {profile or 'lite'}"
        raise DataError(f"figure {figure} is not measured; run '{command}'")
    return measured


def draw(measured: StepTimes) -> Any:
    """Return the matplotlib figure: one panel per variant, one line per method."""
    points = measured.points
    variants = [name for name in TITLES if any(point.variant == name for point in points)]
    methods = list(dict.fromkeys(point.method for point in points))
    drawn = new(WIDE, 2.8)
    panels = drawn.subplots(1, len(variants), sharey=True, squeeze=False)[0]
    for panel, variant in zip(panels, variants, strict=True):
        for index, method in enumerate(methods):
            line = [p for p in points if (p.variant, p.method) == (variant, method)]
            panel.plot(
                [point.x for point in line],
                [math.log10(point.seconds) for point in line],
                color=COLOURS[index],
                marker=MARKERS[index],
                markersize=4,
                label=NAMES.get(method, method),
            )
        panel.set(title=TITLES[variant], xlabel=AXES[measured.figure])
        panel.grid()
        if measured.figure == 3:
            panel.set_xscale("log", base=2)
    panels[0].set_ylabel("log10 seconds")
    drawn.legend(*panels[0].get_legend_handles_labels(), loc="outside upper center", ncols=4)
    drawn.supxlabel(measured.title, fontsize=6.5)
    return drawn


def text(measured: StepTimes) -> str:
    """Return the figure as a table of seconds, one block per variant."""
    points = measured.points
    methods = list(dict.fromkeys(point.method for point in points))
    lines = [f"Figure {measured.figure} of dash: {measured.title}", "seconds"]
    for variant, title in TITLES.items():
        chosen = {(p.x, p.method): p.seconds for p in points if p.variant == variant}
        lines += ["", title, "".join(name.rjust(16) for name in ("x", *methods))]
        for x in sorted({x for x, _ in chosen}):
            cells = [f"{chosen[x, method]:.4g}" for method in methods]
            lines.append("".join(cell.rjust(16) for cell in (str(x), *cells)))
    return "\n".join(lines) + "\n"
