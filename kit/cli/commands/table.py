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
@options.formats("text", "md", "csv", "latex", "json")
def command(number: int, paper: str, profile: Any, protocol: Any, tier: Any, form: str) -> None:
    """Print table NUMBER, measured beside published. Nothing is run.

    Exit code 2 if several runs stand for one seed of a cell; the table is printed all the same.
    """
    from kit.report import formats, table
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
    click.echo(formats.render(filled, form), nl=False)
    if filled.conflicts:
        raise KitError("; ".join(filled.conflicts))
