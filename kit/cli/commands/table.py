"""``kit table``: a table from the results that there are."""

from __future__ import annotations

from typing import Any

import click

from kit.cli import options
from kit.cli.reproduce import show
from kit.errors import KitError, listed


@click.command(name="table")
@click.argument("number", type=int, required=False)
@click.option(
    "--task", "task_name", type=options.TASK, help="Instead of NUMBER: the table of this task."
)
@options.paper
@options.only
@click.option("--measured-only", is_flag=True, help="Show measured values only.")
@click.option("--rows", multiple=True, metavar="NAME", help="Only this row; may be repeated.")
@click.option("--columns", multiple=True, metavar="NAME", help="Only this column; may be repeated.")
@options.formats("text", "md", "csv", "latex", "json")
def command(
    number: int | None,
    task_name: str | None,
    paper: str,
    measured_only: bool,
    rows: tuple[str, ...],
    columns: tuple[str, ...],
    form: str,
    **kind: Any,
) -> None:
    """Print table NUMBER of a paper, or the table of a task.

    The table has your results beside the published ones. Nothing is run. If runs of several kinds
    could fill a cell, it takes the fullest profile, then protocol released, then the best tier.

    The exit code is 2 if there are several runs for one seed of a cell; the table is printed
    nevertheless.
    """
    from kit.cli.progress import bar
    from kit.report import formats, table
    from kit.report.kinds import WantedKind
    from kit.report.selection import select
    from kit.runs.collect import collect

    wanted = WantedKind(**kind)
    if (number is None) == (task_name is None):
        raise KitError("say which: the NUMBER of a paper's table, or --task NAME")
    if task_name is not None:
        if rows or columns or measured_only:
            raise KitError("--rows, --columns and --measured-only are for papers' tables")
        show.table_of_task(task_name, form, wanted=wanted)
        return
    assert number is not None
    found = collect()
    with bar("counting models") as progress:
        filled = table.make(
            paper,
            number,
            found.results,
            rejected=found.rejected,
            wanted=wanted,
            progress=progress,
        )
    if rows or columns or measured_only:
        shown = select(filled, rows=rows, columns=columns, measured_only=measured_only)
    else:
        shown = filled
    click.echo(formats.render(shown, form), nl=False)
    if filled.conflicts:
        raise KitError(listed(filled.conflicts, "; "))
