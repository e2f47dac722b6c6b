"""``kit compare``: two sets of runs, cell by cell and over tasks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kit.cli import options
from kit.cli.output import print_json

if TYPE_CHECKING:
    from kit.report.compare import Entries
    from kit.report.kinds import WantedKind


@click.command(name="compare")
@click.argument("first", metavar="A", type=options.METHOD)
@click.argument("second", metavar="B", type=options.METHOD)
@click.option(
    "--paper",
    type=options.PAPER,
    metavar="TEXT",
    help="Compare the published results of two methods in this paper.",
)
@options.only
@click.option(
    "--margin",
    "margins",
    multiple=True,
    metavar="METRIC=VALUE",
    help="Ignore differences up to VALUE; may be repeated. Default: see docs/verdict.md.",
)
@options.formats("text", "json")
def command(
    first: str, second: str, paper: str | None, margins: Sequence[str], form: str, **kind: Any
) -> None:
    """Compare two methods, or two results folders.

    A and B are names of methods or folders: 'dash' is a method, './dash' is a folder.

    Each cell has the difference of the means (B minus A), its 90 % interval, and a verdict
    (docs/verdict.md). The numbers in brackets are the number of seeds and the 95 % bootstrap
    interval of their mean, which is too narrow for three seeds. Over all tasks, there are
    Wilcoxon's signed-rank test and the sign test.
    """
    from kit import method
    from kit.report import compare_formats
    from kit.report.compare import compare, of_method, printed_entries
    from kit.report.kinds import WantedKind
    from kit.report.verdict import MARGINS

    wanted = WantedKind(**kind)
    margin_of = {**MARGINS, **_margins(margins)}
    remarks: list[str] = []
    if paper is None and (_is_folder(first) or _is_folder(second)):
        one, other = (_folder(name, remarks, wanted) for name in (first, second))
    else:
        cells = _folder(None, remarks, wanted) if paper is None else printed_entries(paper)
        known = method.names() if paper is None else ()
        one, other = (of_method(cells, name, known, remarks) for name in (first, second))
    found = compare(one, other, (first, second), margins=margin_of, remarks=remarks)
    if form == "json":
        print_json(compare_formats.as_json(found))
    else:
        click.echo(compare_formats.as_text(found))


def _is_folder(name: str) -> bool:
    from kit import method

    return name not in method.names() and Path(name).is_dir()


def _folder(name: str | None, remarks: list[str], wanted: WantedKind) -> Entries:
    """Return the cells of a results folder, or of the one in use."""
    from kit.errors import KitError
    from kit.report.choice import in_short
    from kit.report.compare import entries
    from kit.runs.collect import collect

    root = None
    if name is not None:
        path = Path(name)
        if not _is_folder(name):
            raise KitError(f"{name!r} is no folder of results; name two folders or two methods")
        root = path / "runs" if (path / "runs").is_dir() else path
    found = collect(root)
    cells, left_out = entries(found.results, wanted)
    remarks += [str(rejected) for rejected in found.rejected] + in_short(left_out)
    return cells


def _margins(words: Sequence[str]) -> dict[str, float]:
    from kit.errors import KitError, unknown
    from kit.report.verdict import MARGINS

    found = {}
    for word in words:
        metric, _, value = word.partition("=")
        if metric not in MARGINS:
            raise unknown("metric", metric, MARGINS)
        try:
            found[metric] = float(value)
        except ValueError:
            found[metric] = 0.0
        if not found[metric] > 0:
            raise KitError(f"--margin {word}: METRIC=VALUE is wanted, with a value above 0")
    return found
