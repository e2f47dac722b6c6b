"""``kit reproduce``: everything behind a table: data, runs, and the table itself."""

from __future__ import annotations

from typing import Any

import click

from kit.cli import options
from kit.cli.output import tell, warn
from kit.columns import plural
from kit.errors import KitError


@click.command(name="reproduce")
@options.wanted
@click.option(
    "--everything",
    is_flag=True,
    help="Instead of one table: all tables and figures of both papers.",
)
@click.option("--dry-run", is_flag=True, help="Show the plan, and stop.")
@options.slots
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="HOURS",
    help="Stop a run after this time. Default: no limit.",
)
@options.device
@options.trials_on
@options.tensorboard
@options.force
@options.formats("text", "md", "csv", "latex", "json")
def command(
    everything: bool,
    dry_run: bool,
    timeout: float | None,
    device: str | None,
    trials_on: str | None,
    force: bool,
    form: str,
    **request: Any,
) -> None:
    """Run what a table lacks, and print the table.

    With --task and no --table, --figure or --study, the table is that of the task.

    Ctrl-C stops the runs; a second Ctrl-C kills them. The same command resumes them. If it is
    started twice, both share the work. The exit code is 1 if the table is incomplete because a run
    failed; a failed run stops no other.
    """
    from kit.cli import plan_output, planning
    from kit.cli.reproduce import show, speed

    how = {name: request.pop(name) for name in options.WHERE}
    how |= {"timeout": timeout, "device": device, "trials_on": trials_on, "force": force}
    if how["engine"] == "ray" and how["gpus"]:
        raise KitError("--gpus names GPUs of this machine; on a Ray cluster, use --jobs N")
    if everything:
        _everything(form, dry_run, how, request)
        return
    planning.check_one(**request)
    paper, profile, tier = request["paper"], request["profile"], request["tier"]
    if dry_run:
        plan_output.show(planning.make(**request), form, **how)
    elif (paper, request["figure"]) in planning.SPEED_TESTS:
        speed.figure(int(request["figure"]), form, profile, tier, device, force)
    elif (paper, request["number"]) == planning.SPEED_TABLE:
        speed.epochs(profile, tier, device, force)
        show.table(form=form, **request)
    else:
        _fill(form, how, request)


def _fill(form: str, how: dict[str, Any], request: dict[str, Any]) -> None:
    """Run what a table, figure or study lacks, and print it; arguments as of ``_everything``."""
    from kit.cli import planning
    from kit.cli.reproduce import runs, show

    number, figure, study = request["number"], request["figure"], request["study"]
    if study is not None:
        show.check_form(form)
    plan = planning.make(**request)
    if number is figure is study is None:
        for of, name, reason in plan.skipped:
            tell(f"{name} on {of}: {reason}")
    failed = runs.fill(plan, request["profile"], **how)
    if study is not None:
        show.study(form=form, **request)
    elif figure is not None:
        show.figure(form=form, **request)
    elif number is not None:
        show.table(form=form, **request)
    else:
        show.task(form=form, **request)
    if failed:
        what = "figure" if figure else "table"
        warn(f"{failed} of {len(plan.runs)} runs failed; the {what} is incomplete")
        raise click.exceptions.Exit(1)


def _everything(form: str, dry_run: bool, how: dict[str, Any], request: dict[str, Any]) -> None:
    """Reproduce all tables and figures.

    Args:
        form: of what is printed.
        dry_run: show what there is to do, and stop.
        how: the options that say where and how runs are made.
        request: the options of ``options.wanted``.

    Raises:
        KitError: a part of it is asked for, too.
    """
    from kit.cli.reproduce import everything

    for name in ("number", "figure", "study", "tasks", "methods"):
        if request.pop(name):
            raise KitError(
                "--everything has all of them: leave out --table, --figure, --study, --task and "
                "--method"
            )
    del request["paper"], request["all_methods"]
    failed = everything.reproduce(form, dry_run, how, tasks=(), methods=(), **request)
    if failed:
        warn(f"{plural(failed, 'run')} failed; the tables and figures are incomplete")
        raise click.exceptions.Exit(1)
