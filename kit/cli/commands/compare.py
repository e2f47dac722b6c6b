"""``kit compare``: two sets of runs, cell by cell and over tasks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kit.cli import options
from kit.cli.output import print_json
from kit.columns import aligned

if TYPE_CHECKING:
    from kit.report.compare import Comparison, Entries, Entry
    from kit.report.statistics import Paired


@click.command(name="compare")
@click.argument("first", metavar="A")
@click.argument("second", metavar="B")
@click.option("--paper", help="Compare the published results of two methods in this paper.")
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
    from kit.report.compare import compare, of_method, printed_entries
    from kit.report.verdict import MARGINS

    margin_of = {**MARGINS, **_margins(margins)}
    remarks: list[str] = []
    sides: list[Entries] = []
    if paper is None and (_is_folder(first) or _is_folder(second)):
        sides += (_folder(name, remarks, kind) for name in (first, second))
    else:
        cells = _folder(None, remarks, kind) if paper is None else printed_entries(paper)
        known = method.names() if paper is None else ()
        sides += (of_method(cells, name, known, remarks) for name in (first, second))
    found = compare(
        sides[0],
        sides[1],
        (first, second),
        margins=margin_of,
        remarks=remarks,
    )
    if form == "json":
        print_json(_json(found))
    else:
        click.echo(_text(found))


def _is_folder(name: str) -> bool:
    from kit import method

    return name not in method.names() and Path(name).is_dir()


def _folder(name: str | None, remarks: list[str], kind: dict[str, Any]) -> Entries:
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
    cells, left_out = entries(found.results, **kind)
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


def _text(found: Comparison) -> str:
    from kit.report.verdict import summary

    kinds = sorted({each.kind for cell in found.cells for each in (cell.first, cell.second)})
    heads = ("task", "method", "metric", "kind", found.first, found.second, "B - A", "90 %", "", "")
    rows = [heads]
    for cell in found.cells:
        verdict = cell.verdict
        interval = verdict and verdict.interval
        rows.append(
            (
                cell.task,
                cell.method,
                cell.metric,
                # Where the sides differ in it, the note says so.
                cell.first.kind if len(kinds) > 1 and cell.first.kind == cell.second.kind else "",
                _side(cell.first),
                _side(cell.second),
                f"{verdict.difference:+.3g}" if verdict else "",
                f"[{interval[0]:+.3g}, {interval[1]:+.3g}]" if interval else "",
                verdict.label if verdict else "",
                f"({cell.note})" if cell.note else "",
            )
        )
    title = f"B, {found.second}, against A, {found.first}; {'; '.join(kinds)}; lower is better"
    kept = [index for index in range(len(heads)) if any(row[index] for row in rows[1:])]
    lines = [title, "", aligned([[row[index] for index in kept] for row in rows])]
    lines += ["", summary([cell.verdict for cell in found.cells if cell.verdict])]
    lines += [_over_tasks(found, method, each) for method, each in found.over_tasks]
    lines += [f"note: {remark}" for remark in _joined(found)]
    return "\n".join(lines)


def _joined(found: Comparison) -> list[str]:
    """Return the remarks, with what only one side has in a line for each side."""
    lines = list(found.remarks)
    for name in (found.first, found.second):
        start = f"only {name} has "
        mine = [line.removeprefix(start) for line in lines if line.startswith(start)]
        if mine:
            rest = [line for line in lines if not line.startswith(start)]
            lines = [f"{start}{', '.join(mine)}", *rest]
    return lines


def _side(entry: Entry) -> str:
    if entry.refused:
        return entry.text
    interval = entry.interval
    between = f", {interval[0]:.4g} to {interval[1]:.4g}" if interval else ""
    count = f"{len(entry.values)}{between}" if entry.values else "printed"
    return f"{entry.text} [{count}]"


def _over_tasks(found: Comparison, method: str, each: Paired) -> str:
    name = f"{method} of {found.second}" if method else found.second
    tasks = "1 task" if each.tasks == 1 else f"{each.tasks} tasks"
    tasks += " of mixed kinds" if len(found.kinds(method)) > 1 else ""
    line = f"over {tasks} {name} wins {each.wins}, ties {each.ties}, loses {each.losses}"
    line += f"; error {each.change:+.1%} (median"
    if each.interval:
        line += f", 95 % {each.interval[0]:+.1%} to {each.interval[1]:+.1%}"
    line += ")"
    if each.wilcoxon is not None and each.sign is not None:
        line += f"; Wilcoxon p = {each.wilcoxon:.3g}, sign test p = {each.sign:.3g}"
    return line


def _json(found: Comparison) -> dict[str, Any]:
    import dataclasses

    value = dataclasses.asdict(found)
    for cell, shown in zip(found.cells, value["cells"], strict=True):
        for side in ("first", "second"):
            shown[side]["interval"] = getattr(cell, side).interval
    value["over_tasks"] = [
        {"method": method or None, **dataclasses.asdict(each)} for method, each in found.over_tasks
    ]
    return {**value, "counts": found.counts}
