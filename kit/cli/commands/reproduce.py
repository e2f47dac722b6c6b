"""``kit reproduce``: everything behind a table: data, runs, and the table itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

import click

from kit.cli import options
from kit.cli.output import tell, warn
from kit.columns import plural
from kit.errors import KitError

if TYPE_CHECKING:
    from kit.cli.planning import Wanted


@click.command(name="reproduce")
@options.wanted
@click.option(
    "--everything",
    is_flag=True,
    help="Instead of one table: all tables and figures of both papers.",
)
@click.option("--dry-run", is_flag=True, help="Show the plan, and stop.")
@options.slots
@options.timeout
@options.device
@options.trials_on
@options.tensorboard
@options.force
@options.formats("text", "md", "csv", "latex", "json")
def command(everything: bool, dry_run: bool, form: str, **parameters: Any) -> None:
    """Run what a table lacks, and print the table.

    With --task and no --table, --figure or --study, the table is that of the task.

    Ctrl-C stops the runs; a second Ctrl-C kills them. The same command resumes them. If it is
    started twice, both share the work. The exit code is 1 if the table is incomplete because a run
    failed; a failed run stops no other.
    """
    from kit.cli import plan_output, planning
    from kit.cli.reproduce import show, speed

    placement = options.Placement.taken_from(parameters)
    wanted = cast("Wanted", parameters)  # what is left of them
    if placement.engine == "ray" and placement.gpus:
        raise KitError("--gpus names GPUs of this machine; on a Ray cluster, use --jobs N")
    if everything:
        _everything(form, dry_run, placement, wanted)
        return
    planning.check_one(**wanted)
    paper, profile, tier = wanted["paper"], wanted["profile"], wanted["tier"]
    number, figure = wanted["number"], wanted["figure"]
    device, force = placement.device, placement.force
    if dry_run:
        plan_output.show(planning.make(**wanted), form, placement)
    elif figure is not None and (paper, figure) in planning.SPEED_TESTS:
        speed.figure(int(figure), form, profile, tier, device, force)
    elif number is not None and (paper, number) == planning.SPEED_TABLE:
        speed.epochs(profile, tier, device, force)
        show.table(number, form, wanted)
    else:
        _fill(form, placement, wanted)


def _fill(form: str, placement: options.Placement, wanted: Wanted) -> None:
    """Run what a table, figure or study lacks, and print it."""
    from kit.cli import planning
    from kit.cli.reproduce import runs, show

    number, figure, study = wanted["number"], wanted["figure"], wanted["study"]
    if study is not None:
        show.check_form(form)
    plan = planning.make(**wanted)
    if number is None and figure is None and study is None:
        for of, name, reason in plan.skipped:
            tell(f"{name} on {of}: {reason}")
    failed = runs.fill(plan, wanted["profile"], placement)
    if study is not None:
        show.study(study, form, wanted)
    elif figure is not None:
        show.figure(figure, form, wanted)
    elif number is not None:
        show.table(number, form, wanted)
    else:
        show.table_of_request(form=form, **wanted)
    if failed:
        what = "figure" if figure else "table"
        warn(f"{failed} of {len(plan.runs)} runs failed; the {what} is incomplete")
        raise click.exceptions.Exit(1)


def _everything(form: str, dry_run: bool, placement: options.Placement, wanted: Wanted) -> None:
    """Reproduce all tables and figures.

    Raises:
        KitError: a part of it is asked for, too.
    """
    from kit.cli.reproduce import everything

    parts = (wanted["number"], wanted["figure"], wanted["study"])
    if any(parts) or wanted["tasks"] or wanted["methods"]:
        raise KitError(
            "--everything has all of them: leave out --table, --figure, --study, --task and "
            "--method"
        )
    kind = everything.RunKind(
        profile=wanted["profile"],
        protocol=wanted["protocol"] or "released",
        tier=wanted["tier"],
    )
    failed = everything.reproduce(
        form, dry_run, placement, kind, wanted["seeds"], wanted["retry_failed"]
    )
    if failed:
        warn(f"{plural(failed, 'run')} failed; the tables and figures are incomplete")
        raise click.exceptions.Exit(1)
