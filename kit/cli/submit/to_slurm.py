"""Runs that a plan lacks, submitted to Slurm as job arrays."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from kit.cli.output import print_json, tell
from kit.columns import plural

if TYPE_CHECKING:
    from kit.engines.jobs import Job
    from kit.engines.slurm.arrays import Array, Site
    from kit.plan.records import Plan
    from kit.spec import Profile


def submit(
    plan: Plan,
    profile: Profile,
    dry_run: bool,
    form: str,
    *,
    jobs: int | None,
    sbatch: tuple[str, ...],
    **how: Any,
) -> None:
    """Submit the runs that a plan lacks as job arrays, once their data are ready.

    Args:
        plan: what there is to do.
        profile: of the runs.
        dry_run: print what would be submitted, and stop.
        form: of what is printed then: text or json.
        jobs: runs of an array at a time; None for all.
        sbatch: options of sbatch.
        how: further fields of ``Site``.

    Raises:
        KitError: Slurm, or a node of it, cannot run them.
    """
    from kit.cli.preparing import prepare, set_rejected_aside
    from kit.engines.slurm import arrays, submission
    from kit.plan.data import check_disk

    site = arrays.Site(options=sbatch, at_a_time=jobs, **how)
    todo = _todo(plan)
    made = arrays.arrays(todo, site)
    if dry_run:
        _show(plan, made, site, form)
        return
    if not todo:
        click.echo("nothing to submit; 'kit status' shows what is queued, 'kit table' what is done")
        return
    check_disk(plan)
    submission.check(made, site)
    for data in plan.data:
        prepare(data, profile)
    if not submission.check_node(made, site):
        tell("no node is free now; 'kit doctor --engine slurm' checks the nodes later")
    set_rejected_aside()
    for array, job in zip(made, submission.submit(made, site), strict=True):
        click.echo(f"{job}: {_words(array)}; script and output in {array.folder}")
    click.echo("'kit status' shows their state, 'kit stop' stops them")


def _todo(plan: Plan) -> list[Job]:
    """Return the runs to submit: not those that wait in Slurm's queue or that anybody is at."""
    from kit.engines.jobs import Job
    from kit.engines.slurm import submission
    from kit.runs.states import read_state

    queued = submission.waiting(run.spec for run in plan.todo)
    todo = []
    for run in plan.todo:
        if reference := queued.get(run.spec.id):
            tell(f"{run.spec}: in Slurm's queue already, as {reference}")
        elif read_state(run.spec.folder).state in ("running", "starting"):
            tell(f"{run.spec}: {run.reason}")
        else:
            todo.append(Job.planned(run))
    return todo


def _show(plan: Plan, made: Sequence[Array], site: Site, form: str) -> None:
    """Print what would be submitted, and why."""
    from kit.cli.plan_output import show_runs
    from kit.engines.slurm.script import script

    if form == "json":
        import msgspec

        rows = [msgspec.to_builtins(array) | {"script": script(array, site)} for array in made]
        print_json(rows)
        return
    show_runs(plan)
    for array in made:
        click.echo(f"\n{_words(array)}, submitted by 'sbatch' as:\n\n{script(array, site)}")


def _words(array: Array) -> str:
    image = f" in {array.image}" if array.image else ""
    gpus = f"{array.gpus} GPU" if array.gpus else "no GPU"
    return f"{plural(len(array.runs), 'run')} of up to {array.hours} h, {gpus} each{image}"
