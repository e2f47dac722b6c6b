"""``kit plan``: what a table needs, without running anything."""

from __future__ import annotations

import re
from typing import Any

import click

from kit.cli import options, plan_output, planning


@click.command(name="plan")
@options.wanted
@click.option("--gpus", help="Plan for so many GPUs (8) or for these (0,1); default: those here.")
@click.option("--dry-run", is_flag=True, help="As in 'kit reproduce'; a plan never runs anything.")
@options.formats("text", "json")
def command(gpus: str | None, dry_run: bool, form: str, **request: Any) -> None:
    """Show the runs behind a table. Which, why, for how long, and how much disk they take."""
    del dry_run
    # What is no count, such as 0 or one far too long, is taken for the GPU of that name.
    count = int(gpus) if gpus is not None and re.fullmatch("[0-9]{1,9}", gpus) else 0
    plan_output.show(planning.make(**request), form, gpus=gpus, count=count)
