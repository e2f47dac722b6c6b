"""Critical-difference diagram: mean ranks over tasks, and which do not differ significantly.

Friedman's test, then Nemenyi's for all pairs (Demšar 2006), by scipy and scikit-posthocs.
"""

from __future__ import annotations

from typing import Any

import msgspec
import numpy as np

from kit import extras
from kit.errors import KitError
from kit.report.figures import NARROW, WIDE, entitle, new
from kit.report.means import Means
from kit.report.statistics import mean_ranks

# The tables that are ranked.
NUMBERS = {"dash": 5, "nas-bench-360": 2}
LEVEL = 0.05


class Rank(msgspec.Struct, frozen=True):
    """A method's rank over tasks: mean, median, and the mean's 95 % bootstrap interval."""

    method: str
    title: str
    mean: float
    median: float
    interval: tuple[float, float] | None


class Ranks(msgspec.Struct, frozen=True):
    """A figure with its data.

    Attributes:
        friedman: p of the hypothesis that all methods are alike.
        nemenyi: p of each pair, (first, second, p).
        difference: the critical difference of mean ranks at 0.05.
        remarks: on what was left out.
    """

    title: str
    source: str
    tasks: list[str]
    ranks: list[Rank]
    friedman: float
    nemenyi: list[tuple[str, str, float]]
    difference: float
    remarks: list[str]


def make(title: str, means: Means) -> Ranks:
    """Rank the methods that have an error on every task that any of them has.

    Raises:
        KitError: there are fewer than three such methods, or fewer than three tasks;
            scikit-posthocs is not installed.
    """
    tasks = [task for task in means.tasks if any(task in e for e in means.errors.values())]
    whole = [name for name, errors in means.errors.items() if all(t in errors for t in tasks)]
    if len(whole) < 3 or len(tasks) < 3:
        raise KitError(
            f"ranks need three methods with errors on the same three or more tasks; {means.source} "
            f"has {len(whole)} on all of {len(tasks)}"
        )
    posthocs = _posthocs()
    from scipy.stats import friedmanchisquare, studentized_range

    errors = np.array([[means.errors[name][task] for task in tasks] for name in whole])
    count = len(whole)
    found = posthocs.posthoc_nemenyi_friedman(errors.T).to_numpy()
    pairs = [
        (whole[a], whole[b], float(found[a, b])) for a in range(count) for b in range(a + 1, count)
    ]
    quantile = studentized_range.ppf(1 - LEVEL, count, np.inf) / np.sqrt(2)
    ranks = [
        Rank(name, means.titles.get(name, name), each.mean, each.median, each.interval)
        for name, each in zip(whole, mean_ranks(errors), strict=True)
    ]
    left_out = [means.titles.get(name, name) for name in means.errors if name not in whole]
    remarks = [f"not ranked, without an error on some task: {', '.join(left_out)}"]
    return Ranks(
        title=title,
        source=means.source,
        tasks=tasks,
        ranks=sorted(ranks, key=lambda rank: rank.mean),
        friedman=float(friedmanchisquare(*errors).pvalue),
        nemenyi=pairs,
        difference=float(quantile * np.sqrt(count * (count + 1) / (6 * len(tasks)))),
        remarks=(remarks if left_out else []) + list(means.remarks),
    )


def draw(figure: Ranks) -> Any:
    """Return the matplotlib figure: bars join methods that do not differ at 0.05."""
    from pandas import DataFrame

    titles = {rank.method: rank.title for rank in figure.ranks}
    names = list(titles.values())
    matrix = DataFrame(1.0, index=names, columns=names)
    for first, second, p in figure.nemenyi:
        matrix.loc[titles[first], titles[second]] = p
        matrix.loc[titles[second], titles[first]] = p
    drawn = new(WIDE if len(names) > 4 else NARROW * 1.5, 0.9 + 0.14 * len(names))
    axes = drawn.subplots()
    parts = _posthocs().critical_difference_diagram(
        {rank.title: rank.mean for rank in figure.ranks},
        matrix,
        ax=axes,
        alpha=LEVEL,
        label_fmt_left="{label} ({rank:.2f})",
        label_fmt_right="({rank:.2f}) {label}",
        text_h_margin=0.05,
        elbow_props={"linewidth": 1.0},
        crossbar_props={"linewidth": 3.0},
        label_props={"fontsize": 8},
        marker_props={"s": 14},
        color_palette=["black"] * len(names),
    )
    # The library draws a bar through its points in the order of a set: not the same bytes twice.
    for (bar,) in parts["crossbars"]:
        x, y = bar.get_data()
        bar.set_data([min(x), max(x)], [y[0], y[0]])
    axes.spines["top"].set_visible(True)
    entitle(
        drawn,
        f"{figure.source}; mean rank over {len(figure.tasks)} tasks, "
        f"critical difference {figure.difference:.2f}, Friedman p = {figure.friedman:.2g}",
        8,
    )
    return drawn


def text(figure: Ranks) -> str:
    """Return the ranks as a table, and the pairs that differ."""
    width = max(len(rank.title) for rank in figure.ranks)
    lines = [
        f"{figure.title} ({figure.source})",
        "",
        f"{''.ljust(width)}  mean rank  95 % (bootstrap over tasks)  median",
    ]
    for rank in figure.ranks:
        low, high = rank.interval or (rank.mean, rank.mean)
        between = f"{low:.2f} to {high:.2f}"
        lines.append(
            f"{rank.title.ljust(width)}  {rank.mean:9.2f}  {between:27}  {rank.median:6.1f}"
        )
    titles = {rank.method: rank.title for rank in figure.ranks}
    apart = [
        f"{titles[first]} and {titles[second]} (p = {p:.3g})"
        for first, second, p in figure.nemenyi
        if p < LEVEL
    ]
    lines += [
        "",
        f"{len(figure.tasks)} tasks; Friedman p = {figure.friedman:.3g}; critical difference "
        f"{figure.difference:.2f} at {LEVEL} (Nemenyi)",
        f"differ significantly: {', '.join(apart) or 'none'}",
        *(f"note: {remark}" for remark in figure.remarks),
    ]
    return "\n".join(lines) + "\n"


def _posthocs() -> Any:
    try:
        import scikit_posthocs
    except ModuleNotFoundError:
        raise KitError(f"ranks need scikit-posthocs: {extras.install('plots')}") from None
    return scikit_posthocs
