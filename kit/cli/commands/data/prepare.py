"""``kit data prepare``: the arrays that runs read."""

from __future__ import annotations

import click

from kit.cli import options
from kit.spec import PROFILES, TIERS, Profile, Tier


@click.command(name="prepare")
@click.argument("task_name", metavar="TASK", type=options.TASK)
@click.option(
    "--tier",
    type=click.Choice(TIERS),
    help="Tier of the data. Default: the best that can be made now.",
)
@click.option(
    "--profile",
    type=click.Choice(PROFILES),
    default="paper",
    show_default=True,
    help="For generated tiers: make only what this profile uses.",
)
@click.option(
    "--workers", type=click.IntRange(min=1), help="Number of processes. Default: one per core."
)
@click.option("--if-needed", is_flag=True, help="Do nothing if the data are ready.")
def prepare_data(
    task_name: str, tier: Tier | None, profile: Profile, workers: int | None, if_needed: bool
) -> None:
    """Make the arrays that runs read, from raw files or a generator."""
    from kit import task
    from kit.cli.progress import bar
    from kit.data import preparing, raw

    the_task = task.find(task_name)
    possible = [each for each in the_task.tiers if not raw.missing(the_task, each)]
    chosen = tier or (possible or the_task.tiers)[0]
    if if_needed:
        now = preparing.state(the_task, chosen, profile)
        if now.ready:
            click.echo(f"{now.detail}: ready")
            return
    with bar(f"{task_name} {chosen}") as progress:
        preparing.prepare(the_task, chosen, profile, workers=workers, progress=progress)
    click.echo(preparing.state(the_task, chosen, profile).detail)
    if chosen == "rebuilt" and preparing.is_published(the_task):
        click.echo(
            "the hashes are those of the papers' data, so these data also count as published"
        )
    elif chosen == "rebuilt":
        click.echo(f"not proven to be the papers' data; now 'kit data check {task_name}'")
