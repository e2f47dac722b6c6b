"""``kit table``: a table from the results that there are."""

from __future__ import annotations

from typing import Any

import click

from kit.cli import options
from kit.errors import KitError
from kit.spec import PROFILES


@click.command(name="table")
@click.argument("number", type=int)
@options.paper
@click.option("--profile", type=click.Choice(PROFILES), help="Only runs of this profile.")
@options.protocol
@options.tier
@click.option("--measured-only", is_flag=True, help="Leave out what was not measured.")
@click.option("--rows", multiple=True, metavar="NAME", help="Only this row; repeatable.")
@click.option("--columns", multiple=True, metavar="NAME", help="Only this column; repeatable.")
@options.formats("text", "md", "csv", "latex", "json")
def command(
    number: int,
    paper: str,
    profile: Any,
    protocol: Any,
    tier: Any,
    measured_only: bool,
    rows: tuple[str, ...],
    columns: tuple[str, ...],
    form: str,
) -> None:
    """Print table NUMBER, measured beside published. Nothing is run.

    Exit code 2 if several runs stand for one seed of a cell; the table is printed all the same.
    """
    from kit.report import formats, table
    from kit.report.selection import select
    from kit.runs.collect import collect

    found = collect()
    filled = table.make(
        paper,
        number,
        found.results,
        rejected=found.rejected,
        profile=profile,
        protocol=protocol,
        tier=tier,
    )
    if rows or columns or measured_only:
        shown = select(filled, rows=rows, columns=columns, measured_only=measured_only)
    else:
        shown = filled
    click.echo(formats.render(shown, form), nl=False)
    if filled.conflicts:
        raise KitError("; ".join(filled.conflicts))
