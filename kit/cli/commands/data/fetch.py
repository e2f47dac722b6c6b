"""``kit data fetch`` and ``clean``: raw files from their mirrors, after a plan."""

from __future__ import annotations

import shutil
import sys
from functools import partial
from typing import TYPE_CHECKING

import click

from kit.cli import options
from kit.cli.output import tell, unheard, warn
from kit.columns import aligned, size
from kit.spec import TIERS, Tier

if TYPE_CHECKING:
    from kit.data.offers import Offer


@click.command(name="fetch")
@click.argument("task_names", metavar="TASK...", nargs=-1, type=options.TASK)
@click.option(
    "--all",
    "everything",
    is_flag=True,
    help="Fetch the data of all tasks; the plan is shown first.",
)
@click.option(
    "--tier",
    type=click.Choice(TIERS),
    default="published",
    show_default=True,
    help="Tier of the data.",
)
@click.option(
    "--precomputed", is_flag=True, help="Instead of data: the published tables of NAS-Bench-201."
)
@click.option("--yes", is_flag=True, help="Do not ask for confirmation after the plan.")
@click.option("--offline", is_flag=True, help="Download nothing; fail if a file is missing.")
def fetch_data(
    task_names: tuple[str, ...],
    everything: bool,
    tier: Tier,
    precomputed: bool,
    yes: bool,
    offline: bool,
) -> None:
    """Download the missing raw files of TASK.

    Downloads are resumed and verified. If one mirror fails, the next one is tried.
    """
    from kit import task
    from kit.cli.progress import bar
    from kit.data import mend
    from kit.data.fetch import fetch
    from kit.data.offers import offer
    from kit.errors import DataError, KitError

    if everything == bool(task_names):
        raise click.UsageError("name tasks, or all of them by --all")
    found = [task.find(name) for name in task_names or task.names()]
    what = "precomputed" if precomputed else tier
    if everything:
        found = [each for each in found if precomputed or tier in each.tiers]
        offers = [offer(each, what) for each in found]
        click.echo(_plan(offers))
        found = [each.task for each in offers if each.missing and each.fetchable]
        if found and not _agreed(yes):
            return
    failed = []
    with unheard() as say:
        for each in found:
            try:
                show = partial(bar, of_bytes=True)
                for file in fetch(each, what, offline=offline, show=show, log=tell):
                    say(str(file))
            except KitError as error:
                if not everything:
                    raise
                failed.append(each.name)
                warn(str(error))
                continue
            if precomputed:
                say(f"{each.name}: complete")
            else:
                prepare = mend.command("prepare", each.name, f"--tier {tier}")
                say(f"complete; now '{prepare}'")
        if failed:
            raise DataError(f"incomplete: {', '.join(failed)}; the same command goes on from here")


def _plan(offers: list[Offer]) -> str:
    from kit import paths
    from kit.data.offers import UNTRIED

    lines = [("task", "tier", "to fetch", "from", "licence")]
    lines += [
        (each.task.name, each.tier, each.size, each.origin, each.task.licence) for each in offers
    ]
    total = sum(each.bytes for each in offers if each.fetchable)
    free = shutil.disk_usage(paths.existing(paths.data())).free
    note = f"{size(total)} in total, to {paths.data()} ({size(free)} free there)"
    return f"{aligned(lines)}\n{note}\n({UNTRIED})"


def _agreed(yes: bool) -> bool:
    if yes:
        return True
    if sys.stdin.isatty():
        return click.confirm("Fetch them?", err=True)
    click.echo("nothing was fetched; repeat the command with --yes to fetch them")
    return False


@click.command(name="clean")
@click.argument("task_name", metavar="TASK", type=options.TASK)
def clean_data(task_name: str) -> None:
    """Remove incomplete and rejected files of TASK.

    These are raw files that were rejected or only partly downloaded, the hashes that were noted at
    their first download, and what an interrupted 'kit data import' or 'kit data prepare' left.
    """
    from kit import task
    from kit.data import fetch, preparing

    the_task = task.find(task_name)
    with unheard() as say:
        for clean in (fetch.clean, preparing.clean):
            for path in clean(the_task):
                say(f"removed {path}")
