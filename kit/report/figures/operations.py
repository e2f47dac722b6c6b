"""What each operation is worth on each data set (Figure 4 of NAS-Bench-360, after Wan et al.)."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations
from typing import Any

import msgspec
import numpy as np

from kit.errors import KitError
from kit.report.cell_tables import CellData
from kit.report.figures import COLOURS, WIDE, entitle, new
from kit.spaces.nas_bench_201.importance import (
    best,
    by_operation,
    edges_around,
    edges_of,
    importance,
)
from kit.spaces.nas_bench_201.table import Numbers

PAPER, NAME = "nas-bench-360", "4"
TITLE = "Importance of operations: increase of the error when another one replaces it"
# Of those drawn, in the paper's order; ``none`` is what they are measured against, too.
SHORT = {
    "nor_conv_1x1": "c1",
    "nor_conv_3x3": "c3",
    "skip_connect": "skip",
    "avg_pool_3x3": "ap3",
}
REDUNDANT = 0.001
"""An operation that matters less is redundant (Wan et al., section 3)."""


class Operation(msgspec.Struct, frozen=True):
    """An operation on a data set.

    Attributes:
        values: its importance on every edge of the set that has it, as a fraction.
        quartiles: 25 %, median, 75 %; None where there is no such edge.
        redundant: share of the edges where it matters less than 0.001 either way.
    """

    name: str
    values: tuple[float, ...]
    quartiles: tuple[float, float, float] | None
    redundant: float | None


class DataSet(msgspec.Struct, frozen=True):
    """A panel: a data set, which cells they are, its operations."""

    title: str
    told: str
    which: str
    operations: tuple[Operation, ...]


class Distance(msgspec.Struct, frozen=True):
    """Wasserstein's distance between the importance of each operation on two data sets.

    Values are divided by the standard deviation of all that is shown of their data set, since data
    sets differ in their scale.
    """

    one: str
    other: str
    by_operation: dict[str, float]


class Importances(msgspec.Struct, frozen=True):
    """The figure with its data."""

    paper: str
    figure: str
    title: str
    panels: tuple[DataSet, ...]
    distances: tuple[Distance, ...]
    remarks: tuple[str, ...]


def make(data: Sequence[CellData]) -> Importances:
    """Return the figure's data.

    Raises:
        KitError: no table has a cell and all that differ from it on one edge.
    """
    found = {each.title: _panel(each) for each in data}
    shown = {title: panel for title, panel in found.items() if panel is not None}
    if not shown:
        there = f"the one of {' or '.join(found)} has not" if found else "there is none"
        raise KitError(
            f"figure {NAME} needs a table that has some cell and all 24 one edge away, and "
            f"{there}; 'kit reproduce --figure {NAME} --paper {PAPER} --profile lite' makes one"
        )
    remarks = [f"{title}: {panel.told}; {panel.which}" for title, panel in shown.items()]
    remarks += [
        f"{title} is left out: its table has no cell with all 24 cells that are one edge away"
        for title, panel in found.items()
        if panel is None
    ]
    return Importances(
        PAPER,
        NAME,
        TITLE,
        tuple(shown.values()),
        tuple(distance(*pair) for pair in combinations(shown.values(), 2)),
        tuple(remarks),
    )


def _panel(data: CellData) -> DataSet | None:
    """Return a data set's panel; None where it has no importance of any operation."""
    values = importance(data.errors)
    if data.whole:
        top = best(data.errors)
        which, edges = f"the top {len(top)} of them", edges_of(top)
    else:
        centres, edges = edges_around(values)
        which = f"of them {len(centres)}, and all that are one edge away"
    found = by_operation(values, edges)
    if not any(len(found[name]) for name in SHORT):
        return None
    return DataSet(
        data.title,
        data.told,
        which,
        tuple(_operation(name, found[name]) for name in SHORT),
    )


def _operation(name: str, values: Numbers) -> Operation:
    if not len(values):
        return Operation(name, (), None, None)
    low, middle, high = np.quantile(values, (0.25, 0.5, 0.75)).tolist()
    redundant = float((np.abs(values) < REDUNDANT).mean())
    return Operation(name, tuple(values.tolist()), (low, middle, high), redundant)


def distance(one: DataSet, other: DataSet) -> Distance:
    """Return how far two data sets are apart, for each operation that both have."""
    from scipy.stats import wasserstein_distance

    scales = [
        np.std([v for each in panel.operations for v in each.values]) for panel in (one, other)
    ]
    pairs = zip(one.operations, other.operations, strict=True)
    found = {
        a.name: float(
            wasserstein_distance(
                *(np.array(each.values) / scale for each, scale in zip((a, b), scales, strict=True))
            )
        )
        for a, b in pairs
        if a.values and b.values and min(scales) > 0
    }
    return Distance(one.title, other.title, found)


def draw(figure: Importances) -> Any:
    """Return the matplotlib figure: boxes from quartile to quartile, whiskers of 5 to 95 %."""
    count = len(figure.panels)
    drawn = new(max(WIDE * count / 5, 3.6), 3.2)
    for panel, axes in zip(figure.panels, drawn.subplots(1, count, squeeze=False)[0], strict=True):
        boxes = axes.boxplot(
            [each.values for each in panel.operations],
            whis=(5, 95),
            showfliers=False,
            patch_artist=True,
            medianprops={"color": "black"},
        )
        for place, box in enumerate(boxes["boxes"]):
            box.set(facecolor=COLOURS[place], alpha=0.7)
        axes.axhspan(-REDUNDANT, REDUNDANT, color="grey", alpha=0.4, linewidth=0)
        axes.set_xticks(range(1, len(SHORT) + 1), SHORT.values())
        axes.set_title(panel.title)
        axes.grid(True, axis="y")
    drawn.supylabel("operation importance", fontsize=8)
    entitle(drawn, "\n".join([figure.title, *figure.remarks]), 6)
    return drawn


def text(figure: Importances) -> str:
    """Return the distributions as a table, a line per data set and operation, and distances."""
    lines = [figure.title, ""]
    lines.append(
        f"{'data set':<16}{'operation':<14}{'edges':>6}{'25 %':>10}{'median':>10}{'75 %':>10}"
    )
    for panel in figure.panels:
        for each in panel.operations:
            line = f"{panel.title:<16}{each.name:<14}{len(each.values):>6}"
            lines.append(line + "".join(f"{value:>10.4f}" for value in each.quartiles or ()))
    if figure.distances:
        lines += ["", "Wasserstein's distance, each data set in units of its own deviation"]
    for apart in figure.distances:
        numbers = "  ".join(
            f"{SHORT[name]} {value:.2f}" for name, value in apart.by_operation.items()
        )
        lines.append(f"{apart.one} to {apart.other}: {numbers or 'none, as one does not vary'}")
    lines += ["", *(f"note: {remark}" for remark in figure.remarks)]
    return "\n".join(lines) + "\n"
