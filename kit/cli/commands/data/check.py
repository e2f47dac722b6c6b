"""``kit data check`` and ``verify``: data against what is published, and against their hashes."""

from __future__ import annotations

import click

from kit.cli import options
from kit.cli.output import print_json, warn
from kit.columns import aligned
from kit.spec import TIERS, Tier

STATES = {True: "agrees", False: "DIFFERS", None: "not measured: needs more than the data"}


@click.command(name="check")
@click.argument("task_name", metavar="TASK", type=options.TASK)
@click.option(
    "--tier", type=click.Choice(TIERS), help="Tier of the data. Default: the best that is prepared."
)
@options.formats("text", "json")
def check_data(task_name: str, tier: Tier | None, form: str) -> None:
    """Compare the prepared data of TASK with all published facts.

    The exit code is 1 if one of them differs.
    """
    from dataclasses import asdict

    from kit import task
    from kit.data.facts import facts
    from kit.data.prepared import open_prepared
    from kit.data.preparing import state
    from kit.errors import DataError

    the_task = task.find(task_name)
    ready = [each for each in the_task.tiers if state(the_task, each).ready]
    if tier is None and not ready:
        raise DataError(f"{task_name}: nothing is prepared to be checked; see 'kit data list'")
    chosen = tier or ready[0]
    found = list(facts(the_task, open_prepared(the_task, chosen, "paper")))
    if form == "json":
        print_json([asdict(each) for each in found])
    else:
        lines = [(f"{task_name}, tier {chosen}", "expected", "found", "", "published by")]
        lines += [
            (each.what, each.expected, each.found or "-", STATES[each.agrees], each.where)
            for each in found
        ]
        click.echo(aligned(lines))
        counts = [sum(each.agrees is state for each in found) for state in STATES]
        click.echo(f"{counts[0]} agree, {counts[1]} differ, {counts[2]} not measured")
    if any(each.agrees is False for each in found):
        raise click.exceptions.Exit(1)


@click.command(name="verify")
@click.argument("task_names", metavar="[TASK]...", nargs=-1, type=options.TASK)
@options.formats("text", "json")
def verify_data(task_names: tuple[str, ...], form: str) -> None:
    """Compare all raw and prepared data with their hashes.

    The exit code is 1 if data are damaged, or the folder of a task is broken.
    """
    from kit import task
    from kit.data import preparing, raw

    broken = () if task_names else task.broken()
    warn(*broken)
    rows: list[dict[str, str]] = []
    for each in map(task.find, task_names or task.names()):
        found = {f"raw/{file}": state for file, state in raw.check(each).items()}
        for what, state in (found | preparing.check(each)).items():
            rows.append({"task": each.name, "what": what, "state": state})
    if form == "json":
        print_json(rows)
    else:
        for row in rows:
            click.echo(f"{row['task']}  {row['what']}  {row['state']}")
    if broken or any(row["state"] not in ("ok", "missing") for row in rows):
        raise click.exceptions.Exit(1)
