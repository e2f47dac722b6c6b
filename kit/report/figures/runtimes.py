"""Runtime bars: the hours of each task, printed and measured (Table 6 of DASH, 5 of the other)."""

from __future__ import annotations

import math
from collections.abc import Callable
from textwrap import fill
from typing import Any

import msgspec

from kit.errors import KitError
from kit.report.figures import COLOURS, WIDE, new
from kit.report.grid import Cell, Table

# The tables of hours.
NUMBERS = {"dash": 6, "nas-bench-360": 5}
TOTAL = "total-hours"


class Series(msgspec.Struct, frozen=True):
    """Bars of one colour: hours by task, the deviation over seeds where there is one."""

    title: str
    hours: dict[str, float]
    std: dict[str, float]


class RuntimePanel(msgspec.Struct, frozen=True):
    """Bars drawn together; ``source`` says where the hours are from."""

    source: str
    series: tuple[Series, ...]


class Runtimes(msgspec.Struct, frozen=True):
    """A figure with its data.

    Attributes:
        tasks: title by name, in the order of the table.
        stacked: whether the series are parts of a whole.
    """

    title: str
    tasks: dict[str, str]
    stacked: bool
    panels: tuple[RuntimePanel, ...]


def make(table: Table) -> Runtimes:
    """Return the printed hours of a table and, where there are any, the measured ones.

    Raises:
        KitError: it is no table of hours.
    """
    cells = [cell for row in table.rows for cell in row.cells]
    if not cells or not all(cell.key.metric.endswith("-hours") for cell in cells):
        raise KitError(f"Table {table.number} of {table.paper} has no hours")
    stacked = any(cell.key.metric != TOTAL for cell in cells)
    shown = [cell for cell in cells if not stacked or cell.key.metric != TOTAL]
    panels = [RuntimePanel("printed, NVIDIA V100", _series(shown, _printed))]
    measured = [cell for cell in shown if cell.measured and cell.measured.mean is not None]
    if measured:
        panels.append(RuntimePanel(_source(measured), _series(measured, _measured)))
    tasks = {row.task: row.title for row in table.rows if row.task}
    return Runtimes(table.title, tasks, stacked, tuple(panels))


def draw(figure: Runtimes) -> Any:
    """Return the matplotlib figure, one panel below the other.

    Parts are stacked on a linear axis; wholes stand side by side on a logarithmic one.
    """
    drawn = new(WIDE, 0.4 + 2.3 * len(figure.panels))
    all_axes = drawn.subplots(len(figure.panels), 1, squeeze=False)[:, 0]
    for panel, axes in zip(figure.panels, all_axes, strict=True):
        if figure.stacked:
            _stack(axes, figure, panel)
        else:
            _group(axes, figure, panel)
        axes.set_xticks(range(len(figure.tasks)), figure.tasks.values(), fontsize=7)
        axes.set(ylabel="hours", title=fill(panel.source, 90), xlim=(-0.6, len(figure.tasks) - 0.4))
        axes.grid(axis="y")
        axes.set_axisbelow(True)
        axes.legend(ncols=4, loc="upper left", fontsize=7)
    return drawn


def text(figure: Runtimes) -> str:
    """Return the hours as tables, one per panel."""
    lines = [figure.title]
    width = max(map(len, figure.tasks.values()))
    for panel in figure.panels:
        heads = [series.title for series in panel.series]
        lines += ["", panel.source, " " * width + "".join(f"  {head:>12}" for head in heads)]
        for task, title in figure.tasks.items():
            values = [series.hours.get(task) for series in panel.series]
            cells = ["-" if value is None else f"{value:.4g}" for value in values]
            lines.append(title.ljust(width) + "".join(f"  {cell:>12}" for cell in cells))
    return "\n".join(lines) + "\n"


def _printed(cell: Cell) -> tuple[float | None, float | None]:
    return (cell.published.value if cell.published else None), None


def _measured(cell: Cell) -> tuple[float | None, float | None]:
    return (cell.measured.mean, cell.measured.std) if cell.measured else (None, None)


def _series(
    cells: list[Cell], value: Callable[[Cell], tuple[float | None, float | None]]
) -> tuple[Series, ...]:
    found: dict[str, Series] = {}
    for cell in cells:
        mean, std = value(cell)
        if mean is None:
            continue
        series = found.setdefault(cell.column.titles[0], Series(cell.column.titles[0], {}, {}))
        series.hours[cell.key.task] = mean
        if std is not None:
            series.std[cell.key.task] = std
    return tuple(found.values())


def _source(cells: list[Cell]) -> str:
    kinds = {
        (c.measured.profile, c.measured.tier, *c.measured.devices) for c in cells if c.measured
    }
    words = [f"profile {profile}, {tier} data, {', '.join(on)}" for profile, tier, *on in kinds]
    return "measured: " + "; ".join(sorted(words))


def _stack(axes: Any, figure: Runtimes, panel: RuntimePanel) -> None:
    bottoms = dict.fromkeys(figure.tasks, 0.0)
    for index, series in enumerate(panel.series):
        heights = [series.hours.get(task, 0.0) for task in figure.tasks]
        axes.bar(
            range(len(figure.tasks)),
            heights,
            0.62,
            bottom=list(bottoms.values()),
            color=COLOURS[index],
            hatch=("", "///", "\\\\\\")[index % 3],
            edgecolor="white",
            linewidth=0.5,
            label=series.title,
        )
        for task, height in zip(figure.tasks, heights, strict=True):
            bottoms[task] += height
    for position, total in enumerate(bottoms.values()):
        if total:
            axes.annotate(
                f"{total:.2g}",
                (position, total),
                (0, 1),
                ha="center",
                va="bottom",
                textcoords="offset points",
                fontsize=6.5,
            )
    axes.set_ylim(0, 1.3 * max(bottoms.values()))


def _group(axes: Any, figure: Runtimes, panel: RuntimePanel) -> None:
    from matplotlib.ticker import FuncFormatter, NullLocator

    width = 0.84 / len(panel.series)
    positions = {task: index for index, task in enumerate(figure.tasks)}
    titles = dict.fromkeys(series.title for panel in figure.panels for series in panel.series)
    colours = dict(zip(titles, COLOURS, strict=False))
    for index, series in enumerate(panel.series):
        shift = (index - (len(panel.series) - 1) / 2) * width
        axes.bar(
            [positions[task] + shift for task in series.hours],
            list(series.hours.values()),
            0.92 * width,
            color=colours[series.title],
            label=series.title,
        )
    hours = [value for series in panel.series for value in series.hours.values()]
    axes.set_yscale("log")
    axes.set_ylim(10 ** math.floor(math.log10(min(hours)) - 0.01), 4 * max(hours))
    axes.yaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}"))
    axes.yaxis.set_minor_locator(NullLocator())
