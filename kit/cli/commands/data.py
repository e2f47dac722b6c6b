"""``kit data``: list, fetch, clean, import, prepare and verify the data of tasks."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import click

from kit.cli import options
from kit.cli.columns import aligned
from kit.spec import PROFILES, TIERS, Profile, Tier


@click.group(name="data")
def command() -> None:
    """List, fetch, clean, import, prepare and verify data."""


@command.command(name="list")
@options.formats("text", "json")
def list_data(form: str) -> None:
    """Show each task's tiers: ready or not, how large, and what to do."""
    import json

    from kit import task
    from kit.data.prepared import generated
    from kit.data.preparing import state

    for line in task.broken():
        click.echo(f"kit: {line}", err=True)
    rows: list[dict[str, Any]] = []
    for each in map(task.find, task.names()):
        for tier in each.tiers:
            for profile in PROFILES if generated(tier) else PROFILES[:1]:
                found = state(each, tier, profile)
                rows.append(
                    {
                        "task": each.name,
                        "tier": tier,
                        "profile": profile,
                        "ready": found.ready,
                        "bytes": found.bytes,
                        "detail": found.detail,
                    }
                )
    if form == "json":
        click.echo(json.dumps(rows, indent=2))
        return
    lines = [("task", "tier", "profile", "size", "")]
    for row in rows:
        size = f"{row['bytes'] / 1e6:.1f} MB" if row["ready"] else "missing"
        lines.append((row["task"], row["tier"], row["profile"], size, row["detail"]))
    click.echo(aligned(lines))


@command.command(name="fetch")
@click.argument("task_name", metavar="TASK", type=options.TASK)
@click.option(
    "--tier",
    type=click.Choice(TIERS),
    default="published",
    show_default=True,
    help="Which data.",
)
@click.option("--offline", is_flag=True, help="Fail at once if anything is missing.")
def fetch_data(task_name: str, tier: Tier, offline: bool) -> None:
    """Download the raw files of TASK that are missing. Resumed, verified, mirror by mirror."""
    from kit import task
    from kit.cli.progress import bar
    from kit.data.fetch import fetch

    def log(line: str) -> None:
        click.echo(line, err=True)

    the_task = task.find(task_name)
    show = partial(bar, of_bytes=True)
    for file in fetch(the_task, tier, offline=offline, show=show, log=log):
        click.echo(str(file))
    click.echo(f"complete; now 'kit data prepare {task_name} --tier {tier}'")


@command.command(name="clean")
@click.argument("task_name", metavar="TASK", type=options.TASK)
def clean_data(task_name: str) -> None:
    """Remove raw files of TASK that were rejected or are half there."""
    from kit import task
    from kit.data.fetch import clean

    for file in clean(task.find(task_name)):
        click.echo(f"removed {file}")


@command.command(name="import")
@click.argument("task_name", metavar="TASK", type=options.TASK)
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path))
def import_data(task_name: str, files: tuple[Path, ...]) -> None:
    """Take raw FILES of TASK that you brought, check and keep them."""
    from kit import task
    from kit.cli.progress import bar
    from kit.data import raw

    the_task = task.find(task_name)
    with bar("copying", of_bytes=True) as progress:
        for target in raw.import_files(the_task, files, progress):
            click.echo(str(target))
    for tier in dict.fromkeys(source.tier for source in the_task.sources):
        if not raw.missing(the_task, tier):
            click.echo(f"complete; now 'kit data prepare {task_name} --tier {tier}'")


@command.command(name="prepare")
@click.argument("task_name", metavar="TASK", type=options.TASK)
@click.option("--tier", type=click.Choice(TIERS), help="Default: the best that can be made now.")
@click.option(
    "--profile",
    type=click.Choice(PROFILES),
    default="paper",
    show_default=True,
    help="Make only what this profile uses (generated tiers).",
)
@click.option("--workers", type=click.IntRange(min=1), help="Processes; default: one per core.")
def prepare_data(task_name: str, tier: Tier | None, profile: Profile, workers: int | None) -> None:
    """Make the arrays that runs read from raw files, or by a generator."""
    from kit import task
    from kit.cli.progress import bar
    from kit.data import preparing, raw

    the_task = task.find(task_name)
    possible = [each for each in the_task.tiers if not raw.missing(the_task, each)]
    chosen = tier or (possible or the_task.tiers)[0]
    with bar(f"{task_name} {chosen}") as progress:
        preparing.prepare(the_task, chosen, profile, workers=workers, progress=progress)
    click.echo(preparing.state(the_task, chosen, profile).detail)
    if chosen == "rebuilt" and preparing.is_published(the_task):
        click.echo("its hashes are those of the papers' data: it counts as published, too")


@command.command(name="verify")
@click.argument("task_names", metavar="[TASK]...", nargs=-1, type=options.TASK)
@options.formats("text", "json")
def verify_data(task_names: tuple[str, ...], form: str) -> None:
    """Compare all raw and prepared data with their hashes.

    Exit code 1 on damage, or where a task's folder is broken.
    """
    import json

    from kit import task
    from kit.data import preparing, raw

    broken = () if task_names else task.broken()
    for line in broken:
        click.echo(f"kit: {line}", err=True)
    rows: list[dict[str, str]] = []
    for each in map(task.find, task_names or task.names()):
        found = {f"raw/{file}": state for file, state in raw.check(each).items()}
        for what, state in (found | preparing.check(each)).items():
            rows.append({"task": each.name, "what": what, "state": state})
    if form == "json":
        click.echo(json.dumps(rows, indent=2))
    else:
        for row in rows:
            click.echo(f"{row['task']}  {row['what']}  {row['state']}")
    if broken or any(row["state"] not in ("ok", "missing") for row in rows):
        raise click.exceptions.Exit(1)
