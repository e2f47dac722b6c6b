"""Performance profiles: the share of tasks on which an error is within a factor of the lowest.

Dolan and Moré's, as NAS-Bench-360 has them in section 4.2: the lowest is that among the plotted
curves, task by task.
"""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec

from kit import papers
from kit.errors import KitError, unknown
from kit.report.figures import COLOURS, LINES, NARROW, WIDE, entitle, new
from kit.report.means import Means


class ProfileCurve(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A curve: of one method, or of the best of several on each task."""

    title: str
    methods: tuple[str, ...]


class ProfilePanel(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Curves drawn together; no tasks named means all of the table."""

    title: str
    curves: tuple[ProfileCurve, ...]
    tasks: tuple[str, ...] = ()


class Definition(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A figure of a paper: ``figure-N.toml`` beside its tables."""

    title: str
    table: int
    panels: tuple[ProfilePanel, ...]
    remarks: tuple[str, ...] = ()


class Profile(msgspec.Struct, frozen=True):
    """A drawn curve: error ratio of each task to the lowest, None where there is no error."""

    title: str
    ratios: dict[str, float | None]

    @property
    def steps(self) -> list[tuple[float, float]]:
        """(factor, share of tasks within it), from factor 1 on, one per jump."""
        known = [ratio for ratio in self.ratios.values() if ratio is not None]
        total = len(self.ratios)
        return [(tau, sum(r <= tau for r in known) / total) for tau in sorted({1.0, *known})]


class DrawnPanel(msgspec.Struct, frozen=True):
    """A panel with its data."""

    title: str
    profiles: tuple[Profile, ...]


class Profiles(msgspec.Struct, frozen=True):
    """A figure with its data."""

    paper: str
    figure: str
    title: str
    source: str
    panels: tuple[DrawnPanel, ...]
    remarks: tuple[str, ...]


def names(paper: str) -> list[str]:
    """Return the numbers of the profiles that a paper has."""
    found = (papers.FOLDER / paper.replace("-", "_")).glob("figure-*.toml")
    return sorted(re.sub(r"^figure-", "", file.stem) for file in found)


def definition(paper: str, name: str) -> Definition:
    """Return what a figure shows.

    Raises:
        KitError: the paper has no such profiles.
    """
    if name not in names(paper):
        raise unknown(f"figure of {paper}", name, names(paper))
    file = papers.FOLDER / paper.replace("-", "_") / f"figure-{name}.toml"
    return msgspec.convert(tomllib.loads(file.read_text(encoding="utf-8")), Definition)


def make(paper: str, name: str, means: Means) -> Profiles:
    """Return a figure's data.

    Tasks without an error of every curve are left out, as comparing with an absent rival would
    flatter the others; the remarks name them.

    Raises:
        KitError: the paper has no such profiles, or no task has an error of every curve.
    """
    plan = definition(paper, name)
    remarks = [*plan.remarks, *means.remarks]
    panels = []
    for panel in plan.panels:
        wanted = panel.tasks or means.tasks
        lines = [(curve.title, _best(means.errors, curve.methods)) for curve in panel.curves]
        tasks = [task for task in wanted if all(task in line for _, line in lines)]
        if not tasks:
            lacking = [title for title, line in lines if not line] or ["common task"]
            raise KitError(
                f"figure {name} cannot be drawn from what is {means.source}: "
                f"no {', no '.join(lacking)}"
            )
        if missing := [task for task in wanted if task not in tasks]:
            without = ", ".join(missing)
            remarks.append(f"{panel.title}: {len(tasks)} of {len(wanted)} tasks, without {without}")
        lowest = {task: min(line[task] for _, line in lines) for task in tasks}
        profiles = (
            Profile(title, {task: _ratio(line[task], lowest[task]) for task in tasks})
            for title, line in lines
        )
        panels.append(DrawnPanel(panel.title, tuple(profiles)))
    return Profiles(paper, name, plan.title, means.source, tuple(panels), tuple(remarks))


def draw(figure: Profiles) -> Any:
    """Return the matplotlib figure, one panel beside the other."""
    count = len(figure.panels)
    drawn = new(WIDE if count > 1 else NARROW, 2.6)
    for panel, axes in zip(figure.panels, drawn.subplots(1, count, squeeze=False)[0], strict=True):
        farthest = max(tau for profile in panel.profiles for tau, _ in profile.steps)
        end = max(farthest, 1.02) ** 1.06
        for index, profile in enumerate(panel.profiles):
            steps = profile.steps
            axes.step(
                [*(tau for tau, _ in steps), end],
                [*(share for _, share in steps), steps[-1][1]],
                where="post",
                color=COLOURS[index],
                linestyle=LINES[index],
                label=profile.title,
            )
        axes.set(xscale="log", xlim=(1, end), ylim=(0, 1.02), title=panel.title)
        axes.set_xlabel("factor τ of the lowest error")
        axes.grid()
        # Profiles rise to the right, so this corner is the emptiest.
        axes.legend(loc="lower right", frameon=True, framealpha=0.9, edgecolor="none")
        _plain_ticks(axes, end)
    drawn.axes[0].set_ylabel("fraction of tasks within τ")
    entitle(drawn, figure.source)
    return drawn


def text(figure: Profiles) -> str:
    """Return the ratios as a table: one line per task, the profile's jumps."""
    lines = [f"{figure.title} ({figure.source})"]
    for panel in figure.panels:
        tasks = list(panel.profiles[0].ratios)
        width = max(len(task) for task in tasks)
        heads = [profile.title for profile in panel.profiles]
        lines += [
            "",
            f"{panel.title}: error as a multiple of the lowest",
            " " * width + _columns(heads, heads),
        ]
        for task in tasks:
            cells = [_number(profile.ratios[task]) for profile in panel.profiles]
            lines.append(task.ljust(width) + _columns(cells, heads))
    lines += ["", *(f"note: {remark}" for remark in figure.remarks)]
    return "\n".join(lines).rstrip() + "\n"


def _best(errors: Mapping[str, Mapping[str, float]], methods: Sequence[str]) -> dict[str, float]:
    found: dict[str, float] = {}
    for method in methods:
        for task, error in errors.get(method, {}).items():
            found[task] = min(error, found.get(task, math.inf))
    return found


def _ratio(error: float, lowest: float) -> float | None:
    if lowest > 0:
        return error / lowest
    return 1.0 if error == lowest else None


def _number(ratio: float | None) -> str:
    return "∞" if ratio is None else f"{ratio:.3f}"


def _columns(cells: Sequence[str], heads: Sequence[str]) -> str:
    return "".join("  " + c.rjust(max(7, len(h))) for c, h in zip(cells, heads, strict=True))


def _plain_ticks(axes: Any, end: float) -> None:
    """Label a short log axis with plain numbers, since it may hold no power of ten but 1."""
    from matplotlib.ticker import FixedLocator, FuncFormatter, NullLocator

    steps = (1, 1.05, 1.1, 1.2, 1.5, 2, 3, 5, 10, 20, 50, 100, 1000)
    ticks = [tick for tick in steps if tick <= end]
    shortest = math.log(end) / 6
    kept = [ticks[0]]
    for tick in ticks[1:]:
        if math.log(tick / kept[-1]) >= shortest:
            kept.append(tick)
    axes.xaxis.set_major_locator(FixedLocator(kept))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.xaxis.set_major_formatter(FuncFormatter(lambda tick, _: f"{tick:g}"))
