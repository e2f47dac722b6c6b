"""``kit plan``: what a table needs, without running anything."""

from __future__ import annotations

import re
from typing import Unpack

import click

from kit.cli import options, plan_output, planning
from kit.cli.planning import Wanted


@click.command(name="plan")
@options.wanted
@click.option(
    "--gpus",
    help="Number of GPUs to plan for (8), or which ones (0,1). Default: those of this machine.",
)
@click.option("--dry-run", is_flag=True, help="Has no effect: a plan never runs anything.")
@options.formats("text", "json")
def command(gpus: str | None, dry_run: bool, form: str, **wanted: Unpack[Wanted]) -> None:
    """Show the runs that a table needs, and how long they take.

    The plan also says why each run is needed, and how much disk space the runs take.
    """
    del dry_run
    # What is no count, such as 0 or one far too long, is taken for the GPU of that name.
    count = int(gpus) if gpus is not None and re.fullmatch("[0-9]{1,9}", gpus) else 0
    plan_output.show(planning.make(**wanted), form, options.Placement(gpus=gpus), count=count)
