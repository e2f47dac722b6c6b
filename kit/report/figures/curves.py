"""Learning curves: the training loss of each stage, epoch by epoch, from the runs' histories."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from kit import method
from kit.columns import plural
from kit.errors import KitError, listed
from kit.report.figures import COLOURS, LINES, NARROW, WIDE, entitle, new
from kit.runs import history
from kit.runs.find import read_spec


class LossCurve(msgspec.Struct, frozen=True):
    """Losses of a run in one stage, or of one of its trials; NaN where one was no number."""

    run: str
    trial: int | None
    epochs: list[int]
    losses: list[float]


class StageCurves(msgspec.Struct, frozen=True):
    """The curves of one stage, run by run."""

    name: str
    curves: list[LossCurve]


class Curves(msgspec.Struct, frozen=True):
    """A figure with its data."""

    title: str
    stages: list[StageCurves]


def make(folders: Sequence[Path]) -> Curves:
    """Return the curves of some runs.

    Raises:
        KitError: no run has a history of losses yet, or a spec cannot be read.
    """
    stages: dict[str, dict[tuple[str, int | None], LossCurve]] = {}
    for folder, label in zip(folders, labels(folders), strict=True):
        for line in history.read(folder):
            # Whatever wrote it: what has another form is no loss.
            match line:
                case {
                    "stage": str(stage),
                    "epoch": int(epoch),
                    "loss": int() | float() | None as loss,
                }:
                    key = (label, line.get("trial"))
                    curve = stages.setdefault(stage, {}).setdefault(key, LossCurve(*key, [], []))
                    curve.epochs.append(epoch + 1)
                    curve.losses.append(math.nan if loss is None else float(loss))
    if not stages:
        raise KitError(f"no history of losses in {listed([*map(str, folders)])}")
    order = _order(folders)
    found = [
        StageCurves(name, list(stages[name].values()))
        for name in sorted(stages, key=lambda name: order.index(name) if name in order else -1)
    ]
    return Curves(title(folders), found)


def _order(folders: Sequence[Path]) -> tuple[str, ...]:
    """Return the stages in the order in which the runs' method takes them."""
    names = {read_spec(folder).method for folder in folders} & set(method.names())
    return tuple(stage for name in sorted(names) for stage in method.find(name).stages)


def labels(folders: Sequence[Path]) -> list[str]:
    """Return what tells some runs apart: their seeds, or their whole names where those repeat."""
    specs = [read_spec(folder) for folder in folders]
    seeds = [f"seed {spec.seed}" for spec in specs]
    if len(set(seeds)) == len(seeds):
        return seeds
    return [f"{s.task} {s.method} {s.profile} {s.tier} {s.id[:8]}" for s in specs]


def title(folders: Sequence[Path]) -> str:
    """Return what runs of one kind are; which kinds there are stands in their labels."""
    kinds = {
        f"{spec.task} {spec.method} (profile {spec.profile}, {spec.protocol}, tier {spec.tier})"
        for spec in map(read_spec, folders)
    }
    return kinds.pop() if len(kinds) == 1 else f"{len(kinds)} kinds of runs"


def draw(figure: Curves) -> Any:
    """Return the matplotlib figure, one panel per stage."""
    count = len(figure.stages)
    drawn = new(WIDE if count > 1 else NARROW, 2.5)
    runs = list(dict.fromkeys(curve.run for stage in figure.stages for curve in stage.curves))
    for stage, axes in zip(figure.stages, drawn.subplots(1, count, squeeze=False)[0], strict=True):
        several = any(curve.trial is not None for curve in stage.curves)
        for curve in stage.curves:
            axes.plot(
                curve.epochs,
                curve.losses,
                **_style(runs.index(curve.run)),
                alpha=0.45 if several else 1.0,
                linewidth=1.0 if several else 1.6,
                marker="o" if sum(map(math.isfinite, curve.losses)) == 1 else None,
                markersize=3,
            )
        trials = f" ({len({c.trial for c in stage.curves})} trials)" if several else ""
        axes.set(title=stage.name + trials, xlabel="epoch")
        axes.xaxis.get_major_locator().set_params(integer=True, min_n_ticks=1)
        losses = [loss for curve in stage.curves for loss in curve.losses if math.isfinite(loss)]
        if losses and 0 < min(losses) < max(losses) / 20:
            axes.set_yscale("log")
        else:
            axes.ticklabel_format(axis="y", useOffset=False)
        axes.grid()
    drawn.axes[0].set_ylabel("training loss")
    entitle(drawn, figure.title, 8)
    legend(drawn, runs, list(map(_style, range(len(runs)))))
    return drawn


def _style(number: int) -> dict[str, Any]:
    """Return how the lines of a run look: when colours come again, they are dashed."""
    turn, colour = divmod(number, len(COLOURS))
    return {"color": COLOURS[colour], "linestyle": LINES[turn % len(LINES)]}


def legend(drawn: Any, runs: Sequence[str], styles: Sequence[Mapping[str, Any]]) -> None:
    """Name the runs by their lines below the panels, where there are several.

    Of many runs the figure becomes higher, so that the panels keep their room.
    """
    from matplotlib.lines import Line2D

    if len(runs) > 1:
        marks = [Line2D([], [], **style) for style in styles]
        points = 36 + 4.4 * max(map(len, runs))
        columns = max(1, int(72 * drawn.get_figwidth() / points))
        rows = -(-len(runs) // columns)
        drawn.set_figheight(drawn.get_figheight() + 0.17 * max(0, rows - 2))
        drawn.legend(marks, runs, loc="outside lower center", ncols=columns)


def text(figure: Curves) -> str:
    """Return first, lowest and last loss of each curve, one line each."""
    lines = [figure.title]
    for stage in figure.stages:
        lines += ["", stage.name]
        for curve in stage.curves:
            name = curve.run if curve.trial is None else f"{curve.run} trial {curve.trial}"
            numbers = [loss for loss in curve.losses if not math.isnan(loss)]
            low = min(numbers, default=math.nan)
            first, lowest, last = map(number, (curve.losses[0], low, curve.losses[-1]))
            lines.append(
                f"  {name}: {plural(len(curve.epochs), 'epoch')}, "
                f"loss {first} first, {lowest} lowest, {last} last"
            )
    return "\n".join(lines) + "\n"


def number(value: float) -> str:
    """Return a loss with four digits, or that it is none."""
    return "no number" if math.isnan(value) else f"{value:.4g}"
