"""How well the size of a network tells its score (Figure 5 of NAS-Bench-360, its section 5.3)."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from statistics import StatisticsError, correlation, linear_regression
from typing import Any

import msgspec

from kit import papers, task
from kit.report.choice import unfit, without
from kit.report.figures import COLOURS, MARKERS, WIDE, coefficient, entitle, new
from kit.report.kinds import ANY, WantedKind
from kit.report.statistics import correlation_interval
from kit.runs.folder import RunFolder
from kit.runs.records import Result

PAPER, NAME = "nas-bench-360", "5"
METHOD, RECIPE, STAGE = "densenas-random", "figure-5", "search"
OVERRIDE = f"recipe={RECIPE}"
# The paper has one set of networks for each task.
SEEDS = (0,)
REMARKS = (
    "published points are those of the authors' notebook; the paper prints r = 0.79, 0.01, 0.19",
    "cosmic, older: a series of the notebook that it does not plot, from which the 0.01 is",
    "ecg: sizes of 0.04 and 0.15 M cannot come from that space, they are those of target networks",
    "the notebook has AUROC of thresholded pixels on Cosmic, the kit of scores",
    "of 30 networks as released few are distinct, since their path is always the same",
)


class Point(msgspec.Struct, frozen=True):
    """One network: its trainable parameters in millions, and its test score, higher is better."""

    parameters: float
    score: float


class Series(msgspec.Struct, frozen=True):
    """Networks of one task from one source.

    Attributes:
        r: Pearson's; None where it is not defined.
        interval: of r, 95 % by Fisher's transformation; None for fewer than four networks.
    """

    source: str
    points: tuple[Point, ...]
    r: float | None
    interval: tuple[float, float] | None


class SizePanel(msgspec.Struct, frozen=True):
    """A task with its series, published before measured."""

    task: str
    title: str
    score: str
    series: tuple[Series, ...]


class Sizes(msgspec.Struct, frozen=True):
    """The figure with its data."""

    paper: str
    figure: str
    title: str
    panels: tuple[SizePanel, ...]
    remarks: tuple[str, ...]


def make(results: Sequence[Result], wanted: WantedKind = ANY) -> Sizes:
    """Return the figure's data: the published points, and those of runs of its recipe.

    Args:
        results: of all runs; those of the recipe are taken, without further overrides and of the
            task and the method as they are.
        wanted: which kinds of runs.
    """
    runs = [
        each
        for each in results
        if each.spec.method == METHOD
        and each.spec.settings.get("recipe") == RECIPE
        and wanted.includes(each.spec.kind)
    ]
    reasons = {each.spec.folder: unfit(without(each.spec, ("recipe",))) for each in runs}
    left_out = [f"{name} is left out: {why}" for name, why in reasons.items() if why]
    runs = [each for each in runs if not reasons[each.spec.folder]]
    panels = []
    for name, printed in published().items():
        found = task.find(name)
        own = [_measured(each) for each in runs if each.spec.task == name]
        # An error is one minus the score that the paper plots.
        score = found.metrics[0].removeprefix("one-minus-")
        beside = (*printed, *(each for each in own if each is not None))
        panels.append(SizePanel(name, found.title, score, beside))
    remarks = (*REMARKS, *left_out)
    return Sizes(PAPER, NAME, "Test score against parameters", tuple(panels), remarks)


def published() -> dict[str, list[Series]]:
    """Return the published series of each task of the figure."""
    file = papers.FOLDER / PAPER.replace("-", "_") / f"figure-{NAME}.csv"
    found: dict[str, dict[str, list[Point]]] = {}
    with file.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            point = Point(float(row["parameters"]), float(row["score"]))
            found.setdefault(row["task"], {}).setdefault(row["series"], []).append(point)
    return {
        name: [
            series("published" if each == "plotted" else f"published, {each}", points)
            for each, points in of.items()
        ]
        for name, of in found.items()
    }


def series(source: str, points: Sequence[Point]) -> Series:
    """Return a series with Pearson's r of its points and that one's interval."""
    sizes, scores = [p.parameters for p in points], [p.score for p in points]
    try:
        r = correlation(sizes, scores)
    except StatisticsError:  # fewer than two, or all alike
        return Series(source, tuple(points), None, None)
    return Series(source, tuple(points), r, correlation_interval(r, len(points)))


def draw(figure: Sizes) -> Any:
    """Return the matplotlib figure, one panel beside the other, with a line through each series."""
    drawn = new(WIDE, 2.5)
    for panel, axes in zip(figure.panels, drawn.subplots(1, len(figure.panels)), strict=True):
        for index, each in enumerate(panel.series):
            x, y = [p.parameters for p in each.points], [p.score for p in each.points]
            told = f"{each.source}, r = {coefficient(each.r)}"
            colour = COLOURS[index % len(COLOURS)]
            marker = MARKERS[index % len(MARKERS)]
            axes.plot(x, y, marker, color=colour, alpha=0.5, markersize=4, label=told)
            if each.r is not None:
                axes.plot(*_line(each), color=colour, linewidth=1)
        axes.set(title=panel.title, xlabel="parameters, M", ylabel=f"test {panel.score}")
        axes.grid()
        axes.legend(fontsize=5.5)
    entitle(drawn, figure.title)
    return drawn


def text(figure: Sizes) -> str:
    """Return the correlations as a table, a line per series."""
    lines = [figure.title, "", "task    networks  r       95 % interval     series"]
    for panel in figure.panels:
        for each in panel.series:
            between = "-"
            if each.interval is not None:
                between = "{:.3f} to {:.3f}".format(*each.interval)
            count = len(each.points)
            lines.append(
                f"{panel.task:<8}{count:>8}  {coefficient(each.r):<6}  {between:<16}  {each.source}"
            )
    lines += ["", *(f"note: {remark}" for remark in figure.remarks)]
    return "\n".join(lines) + "\n"


def _measured(result: Result) -> Series | None:
    """Return the networks of a run; None where what its search left is gone."""
    output = RunFolder(result.spec).output(STAGE)
    if output is None:
        return None
    points = [
        Point(trial["parameters"] / 1e6, 1 - trial["score"])
        for trial in output["trials"]
        if trial["score"] is not None
    ]
    spec = result.spec
    return series(f"{spec.profile}, {spec.protocol}, {spec.tier}, seed {spec.seed}", points)


def _line(each: Series) -> tuple[list[float], list[float]]:
    """Return the ends of the regression line."""
    x = [p.parameters for p in each.points]
    slope, intercept = linear_regression(x, [p.score for p in each.points])
    ends = [min(x), max(x)]
    return ends, [intercept + slope * end for end in ends]
