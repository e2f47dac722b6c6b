"""``kit data import``: raw files that the user has, in any form that is known."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import click

from kit.cli import options
from kit.cli.output import unheard
from kit.cli.types import FilePath
from kit.spec import TIERS, Tier


@click.command(name="import")
@click.argument("task_name", metavar="TASK", type=options.TASK)
@click.argument("files", metavar="PATH...", nargs=-1, required=True, type=FilePath(read=True))
@click.option(
    "--tier", type=click.Choice(TIERS), help="Tier of the files. Default: any that they match."
)
@click.option(
    "--link",
    type=click.Choice(["hard", "reference"]),
    help="Instead of copies: hard links, or references to the files where they are (containers do "
    "not see these).",
)
def import_data(
    task_name: str,
    files: tuple[Path, ...],
    tier: Tier | None,
    link: Literal["hard", "reference"] | None,
) -> None:
    """Import raw files of TASK that you have.

    PATH is an archive, an unpacked folder, or a single file. Before anything is copied, the command
    prints what it takes each file for. Nothing is changed at PATH.
    """
    from kit import task
    from kit.cli.progress import bar
    from kit.data import raw, taking
    from kit.data.fetch import alone
    from kit.data.recognise import recognise

    the_task = task.find(task_name)
    found = [each for path in files for each in recognise(the_task, path, tier)]
    with unheard() as say:
        for each in found:
            say(str(each))
        with alone(the_task), bar(f"{link}s" if link else "copying", of_bytes=True) as progress:
            for each in found:
                taken = taking.take(
                    the_task, each.source, each.path, link=link or "copy", progress=progress
                )
                say(str(taken))
        for each_tier in dict.fromkeys(source.tier for source in the_task.sources):
            if each_tier != "precomputed" and not raw.missing(the_task, each_tier):
                say(f"complete; now 'kit data prepare {task_name} --tier {each_tier}'")
