"""Searches on tables of NAS-Bench-201, drawn: accuracy of the best cell over simulated seconds."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from kit.report.figures import COLOURS, LINES, WIDE, entitle, new
from kit.spaces.nas_bench_201.searches import Curves


def draw_searches(title: str, curves: Mapping[str, Curves]) -> Any:
    """Return the matplotlib figure: medians, and bands from the 10th to the 90th percentile."""
    drawn = new(WIDE * 0.7, 3.0)
    axes = drawn.subplots()
    for place, (name, each) in enumerate(curves.items()):
        colour, line = COLOURS[place % len(COLOURS)], LINES[place % len(LINES)]
        low, middle, high = each.accuracy.T
        axes.plot(each.seconds, middle, label=name, color=colour, linestyle=line)
        axes.fill_between(each.seconds, low, high, color=colour, alpha=0.15, linewidth=0)
    axes.set(xlabel="simulated seconds", ylabel="accuracy of the best cell so far")
    axes.grid(True)
    axes.legend(loc="lower right")
    entitle(drawn, title, 8)
    return drawn


def searches_text(title: str, curves: Mapping[str, Curves]) -> str:
    """Return what each search ended with, and how many of its scores were of diverged cells."""
    width = max(map(len, curves))
    lines = [title, f"{'':{width}}    10 %  median    90 %"]
    for name, each in curves.items():
        # No number where no evaluation has ended within the budget.
        numbers = " ".join(
            f"{'-':>7}" if math.isnan(value) else f"{value:7.3f}" for value in each.accuracy[-1]
        )
        lines.append(f"{name:{width}}  {numbers}")
    lines += [
        f"{name}: {each.cut_short} of {each.scores} scores are of cells that diverged; they lose, "
        "and count with their seconds until then"
        for name, each in curves.items()
        if each.cut_short
    ]
    return "\n".join(lines) + "\n"
