"""How cells rank on one data set and on another (Figure 3 of NAS-Bench-360, its section 5)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec
import numpy as np

from kit.errors import KitError
from kit.methods.nas_bench_201.paper import DIVERSE, REFERENCE, TITLES, VISION
from kit.report.cell_tables import CellData
from kit.report.figures import COLOURS, WIDE, coefficient, entitle, new
from kit.spaces.nas_bench_201.importance import ranks

PAPER, NAME = "nas-bench-360", "3"
TITLE = "Rank of cells on each data set against their rank on {}"


class Transfer(msgspec.Struct, frozen=True):
    """A data set against the reference.

    Attributes:
        title: of the data set.
        told: which table it is.
        cells: that count in both, by their number.
        x: their ranks on the reference, 1 for the best; of equal ones the first is before.
        y: likewise on the data set.
        spearman: rank correlation; None where it is not defined, as for ``kendall``.
        kendall: tau-b. Equal errors have equal ranks in both.
    """

    title: str
    told: str
    cells: tuple[int, ...]
    x: tuple[int, ...]
    y: tuple[int, ...]
    spearman: float | None
    kendall: float | None


class Transfers(msgspec.Struct, frozen=True):
    """The figure with its data.

    Attributes:
        reference: title of the data set that the others are drawn against.
        panels: the vision tasks, then the others; of either, the reference among them.
    """

    paper: str
    figure: str
    title: str
    reference: str
    panels: tuple[tuple[Transfer, ...], ...]
    remarks: tuple[str, ...]


def make(data: Sequence[CellData]) -> Transfers:
    """Return the figure's data: each data set against CIFAR-100, or else against the first one.

    Raises:
        KitError: there are not two data sets with cells in common.
    """
    if len(data) < 2:
        there = f"there is {data[0].title} alone" if data else "there is none"
        raise KitError(
            f"figure {NAME} needs tables of two data sets, and {there}; 'kit reproduce --figure "
            f"{NAME} --paper {PAPER} --profile lite' makes small ones, 'kit cells import' takes "
            "the published ones"
        )
    by_name = {each.name: each for each in data}
    first = by_name.get(REFERENCE, data[0])
    others = [each for each in data if each is not first]
    vision = [each for each in others if each.name in VISION]
    diverse = [each for each in others if each.name not in VISION]
    panels = [
        tuple(against(each, first) for each in (first, *group))
        for group in (vision, diverse)
        if group
    ]
    remarks = [f"{first.title}: {first.told}"]
    remarks += [f"{each.title}: {each.told}" for each in others]
    if first.name != REFERENCE:
        remarks.append(f"no table of CIFAR-100, so ranks are against those on {first.title}")
    remarks += [f"no table of {TITLES[name]}" for name in DIVERSE if name not in by_name]
    title = TITLE.format(first.title)
    return Transfers(PAPER, NAME, title, first.title, tuple(panels), tuple(remarks))


def against(data: CellData, reference: CellData) -> Transfer:
    """Return ranks on a data set and on the reference, of the cells that count in both.

    Raises:
        KitError: there are none.
    """
    cells = np.intersect1d(data.points, reference.points)
    if not len(cells):
        raise KitError(f"the tables of {data.title} and {reference.title} have no cell in common")
    x, y = reference.errors[cells], data.errors[cells]
    spearman, kendall = coefficients(x, y)
    numbers, on_x, on_y = (tuple(each.tolist()) for each in (cells, ranks(x), ranks(y)))
    return Transfer(data.title, data.told, numbers, on_x, on_y, spearman, kendall)


def coefficients(x: Any, y: Any) -> tuple[float | None, float | None]:
    """Return Spearman's and Kendall's coefficient of two rows; None where one is all alike."""
    from scipy.stats import kendalltau, spearmanr

    if len(np.unique(x)) < 2 or len(np.unique(y)) < 2:
        return None, None
    return float(spearmanr(x, y).statistic), float(kendalltau(x, y).statistic)


def draw(figure: Transfers) -> Any:
    """Return the matplotlib figure, a panel beside the other, a colour for each data set."""
    drawn = new(WIDE * (1 if len(figure.panels) > 1 else 0.6), 3.4)
    places = drawn.subplots(1, len(figure.panels), squeeze=False)[0]
    for panel, axes in zip(figure.panels, places, strict=True):
        for place, each in enumerate(panel):
            many = len(each.cells) > 1000
            label = each.title
            if each.title != figure.reference:
                label += f", ρ = {coefficient(each.spearman)}, τ = {coefficient(each.kendall)}"
            axes.scatter(
                each.x,
                each.y,
                s=0.4 if many else 9,
                alpha=0.5 if many else 0.8,
                color=COLOURS[place % len(COLOURS)],
                linewidths=0,
                label=label,
                rasterized=many,
            )
        axes.set(xlabel=f"rank on {figure.reference}", ylabel="rank")
        legend = axes.legend(loc="lower center", bbox_to_anchor=(0.5, 1), fontsize=6)
        for handle in legend.legend_handles:
            handle.set(sizes=[9], alpha=1)
    entitle(drawn, "\n".join([figure.title, *figure.remarks]), 6)
    return drawn


def text(figure: Transfers) -> str:
    """Return the coefficients as a table, a line per data set."""
    lines = [figure.title, "", f"{'data set':<18}{'cells':>7}  {'Spearman':>8}  {'Kendall':>8}"]
    for panel in figure.panels:
        lines += [
            f"{each.title:<18}{len(each.cells):>7}  {coefficient(each.spearman):>8}  "
            f"{coefficient(each.kendall):>8}"
            for each in panel[1:]
        ]
    lines += ["", *(f"note: {remark}" for remark in figure.remarks)]
    return "\n".join(lines) + "\n"
