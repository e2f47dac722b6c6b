"""``kit figure``: a figure of a paper, or of runs, as data or drawn."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import TYPE_CHECKING, Any

import click

from kit.cli import options, planning
from kit.cli.output import print_json, save_figure, tell

if TYPE_CHECKING:
    from kit.bench.step_times import StepTimes
    from kit.report.grid import Table
    from kit.report.kinds import WantedKind
    from kit.report.means import Values


@dataclass(frozen=True)
class Shown:
    """A figure: its data, the data as text, and what draws them."""

    data: Any
    text: str
    draw: Callable[[], Any]


@click.command(name="figure")
@click.argument("name", type=options.FIGURE)
@click.argument("runs", nargs=-1, metavar="[RUN]...", type=options.RUN)
@options.paper
@click.option(
    "--values",
    type=click.Choice(["published", "measured"]),
    default="published",
    show_default=True,
    help="For profiles and ranks: the errors of the paper, or those of your runs.",
)
@options.only
@options.figure_file
@options.formats("text", "json")
def command(
    name: str,
    runs: Sequence[str],
    paper: str,
    values: Values,
    output: Path | None,
    form: str,
    **kind: Any,
) -> None:
    """Print the data of figure NAME, and draw it with --output.

    Nothing is measured: the data are from the paper or the results folder. By default, measured
    values are those of the fullest profile.

    \b
    Figures of the paper dash:
      1a            performance profiles, as far as the appendix has numbers
      2, 3          speed tests ('kit reproduce --figure N' measures them)
    Figures of the paper nas-bench-360:
      1, 2, 6       performance profiles
      3, 4          ranks of cells on several tasks, and importance of operations,
                    from tables of NAS-Bench-201 (small ones are made by
                    'kit reproduce --figure N --profile lite')
      5             test score and number of parameters of random networks
    Figures of both papers:
      runtimes      hours, published and measured (Table 6 or 5)
      ranks         mean ranks over tasks, with critical differences
    \b
    Figures of runs (RUN is a folder, such as darcy-flow/dash/0, or an id):
      curves        training loss by epoch, with a colour for each seed
      alphas        weights of the mixtures during the search of one run
      entropy       entropy of the mixtures during the search
      architecture  what one run found, in the notation of its search space
    """  # noqa: D301
    from kit.errors import KitError
    from kit.report.kinds import WantedKind

    if bool(runs) != (name in planning.OF_RUNS):
        raise KitError(
            f"figure {name} takes no RUN" if runs else f"figure {name} needs a RUN; see --help"
        )
    if (paper, name) in planning.SPEED_TESTS:
        from kit.report.figures import speed

        show(speed.make(int(name), kind["profile"]), output, form)
    elif name in planning.OF_RUNS:
        _print(_of_runs(name, runs), output, form)
    else:
        _print(_of_paper(name, paper, values, WantedKind(**kind)), output, form)


def show(measured: StepTimes, output: Path | None, form: str) -> None:
    """Print a speed test as JSON or, by any other format, as text; draw it if a file is named."""
    from kit.report.figures import speed

    _print(_shown(speed, measured), output, form)


def measured_figure(name: str, paper: str, form: str, wanted: WantedKind) -> None:
    """Print a figure of measured values as JSON or, by any other format, as text."""
    _print(measured(name, paper, wanted), None, form)


def measured(name: str, paper: str, wanted: WantedKind) -> Shown:
    """Return a figure of measured values.

    Raises:
        KitError: there is no such figure, or nothing that it could be drawn from.
    """
    return _of_paper(name, paper, "measured", wanted)


def _shown(module: ModuleType, data: Any) -> Shown:
    """Return a figure from its data and the module that has ``text`` and ``draw`` for them."""
    return Shown(data, module.text(data), lambda: module.draw(data))


def _print(shown: Shown, output: Path | None, form: str) -> None:
    save_figure(shown.draw, output)
    if form == "json":
        print_json(shown.data)
    else:
        click.echo(shown.text, nl=False)


def _of_runs(name: str, words: Sequence[str]) -> Shown:
    from kit.errors import KitError
    from kit.report.figures import architecture, curves, mixtures
    from kit.runs.find import find, find_one

    if name in ("curves", "entropy"):
        folders = list(dict.fromkeys(folder for word in words for folder in find(word)))
    elif len(words) == 1:
        folders = [find_one(words[0], log=tell)]
    else:
        raise KitError(f"figure {name} is of one run, not of {len(words)}")
    if name == "curves":
        return _shown(curves, curves.make(folders))
    if name == "architecture":
        found = architecture.make(folders[0])
        return Shown(found, architecture.text(found), lambda: architecture.draw(folders[0]))
    searches = mixtures.make(folders)
    draw = mixtures.draw_weights if name == "alphas" else mixtures.draw_entropy
    return Shown(searches, mixtures.text(searches), lambda: draw(searches))


def _of_paper(name: str, paper: str, values: Values, wanted: WantedKind) -> Shown:
    from kit import papers
    from kit.cli.planning import figures, unknown_figure
    from kit.errors import unknown
    from kit.report import cell_tables
    from kit.report.figures import (
        correlation,
        operations,
        profiles,
        ranks,
        runtimes,
        transfer,
    )
    from kit.report.means import means
    from kit.report.table import make
    from kit.runs.collect import collect

    if paper not in papers.papers():
        raise unknown("paper", paper, papers.papers())

    def table(number: int) -> Table:
        results = collect().results if values == "measured" or name == "runtimes" else []
        return make(paper, number, results, wanted=wanted)

    if name == "runtimes":
        return _shown(runtimes, runtimes.make(table(runtimes.NUMBERS[paper])))
    if name == "ranks":
        found = table(ranks.NUMBERS[paper])
        return _shown(ranks, ranks.make(found.title, means(found, values)))
    if (paper, name) == (correlation.PAPER, correlation.NAME):
        return _shown(correlation, correlation.make(collect().results, wanted))
    for module in (transfer, operations):
        if (paper, name) == (module.PAPER, module.NAME):
            return _shown(module, module.make(cell_tables.gather(collect().results, wanted)))
    if name not in profiles.names(paper):
        raise unknown_figure(name, paper, [*figures(paper), *planning.OF_PAPERS, *planning.OF_RUNS])
    errors = means(table(profiles.definition(paper, name).table), values)
    return _shown(profiles, profiles.make(paper, name, errors))
