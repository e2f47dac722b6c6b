"""``kit submit``: the runs behind a table, handed to a cluster that queues them itself."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, cast

import click

from kit.cli import checks, options
from kit.cli.types import FilePath
from kit.errors import KitError

if TYPE_CHECKING:
    from kit.cli.planning import Wanted

CONTAINERS = ("plain", "apptainer", "enroot", "docker")
# Options that only one of the clusters has.
SLURM = ("timeout", "allow_unpinned", "container", "template", "images", "hours", "sbatch")
KUBERNETES = ("namespace", "queue", "claims")


@click.command(name="submit")
@click.option("--slurm", is_flag=True, help="Submit job arrays to Slurm.")
@click.option("--kubernetes", is_flag=True, help="Write Indexed Jobs to a file for kubectl.")
@options.wanted
@click.option(
    "--dry-run", is_flag=True, help="Show the scripts and why each run is needed, and stop."
)
@click.option(
    "--jobs", type=click.IntRange(min=1), help="Runs of one array or Job at a time. Default: all."
)
@click.option(
    "--timeout",
    type=click.FloatRange(min=0, min_open=True),
    metavar="HOURS",
    help="Slurm: stop a run after this time. Default: no limit.",
)
@options.device
@options.tensorboard
@options.force
@click.option(
    "--container",
    type=click.Choice(CONTAINERS),
    default="plain",
    show_default=True,
    help="Slurm: container of the runs. plain: none; all nodes must see this environment.",
)
@click.option(
    "--template",
    type=FilePath(exists=True, dir_okay=False),
    help="Slurm: script to use instead of the kit's; see docs/cluster.md.",
)
@click.option(
    "--images",
    type=FilePath(file_okay=False),
    default="images",
    show_default=True,
    help="Slurm: folder of the .sif or .sqsh files.",
)
@click.option(
    "--hours",
    type=click.IntRange(min=1),
    default=24,
    show_default=True,
    help="Slurm: time limit of a job; a longer run resumes in the next job.",
)
@click.option(
    "-S",
    "--sbatch",
    multiple=True,
    metavar="OPTION",
    help="Slurm: option of sbatch, such as --partition=gpu; may be repeated.",
)
@click.option(
    "--allow-unpinned",
    is_flag=True,
    help="Slurm: run Docker images that differ from the lock, and mark the results.",
)
@click.option("--namespace", default="default", show_default=True, help="Kubernetes: namespace.")
@click.option("--queue", metavar="NAME", help="Kubernetes: local queue of Kueue.")
@click.option(
    "--claims",
    default="kit-results,kit-data",
    show_default=True,
    help="Kubernetes: volume claims of results and data.",
)
@options.formats("text", "json")
def command(
    slurm: bool,
    kubernetes: bool,
    dry_run: bool,
    device: str | None,
    force: bool,
    form: str,
    **parameters: Any,
) -> None:
    """Submit the runs that a table lacks to a cluster, and return.

    With --slurm, there is one array per image and time class. 'kit status' and 'kit logs' follow
    the runs, 'kit stop' stops them, and 'kit table' prints the results. The same command again
    submits the runs that are still missing and neither queued nor running.
    """
    from kit.cli import planning
    from kit.cli.plan_output import tell_failed
    from kit.cli.submit import to_kubernetes, to_slurm

    both = {"device": device, "jobs": parameters.pop("jobs")}
    of_slurm = {name: parameters.pop(name) for name in SLURM}
    of_kubernetes = {name: parameters.pop(name) for name in KUBERNETES}
    wanted = cast("Wanted", parameters)  # what is left of them
    if slurm == kubernetes:
        raise KitError("say where: --slurm or --kubernetes")
    _refuse(*((SLURM, "--slurm") if kubernetes else (KUBERNETES, "--kubernetes")))
    checks.check_variables()
    plan = planning.make(**wanted)
    if device == "cpu":
        checks.needs_gpu(wanted["profile"], device, force, specs=[run.spec for run in plan.todo])
    tell_failed(plan)
    if kubernetes:
        to_kubernetes.submit(plan, dry_run, **both, **of_kubernetes)
    else:
        to_slurm.submit(plan, wanted["profile"], dry_run, form, **both, **of_slurm)


def _refuse(names: Sequence[str], where: str) -> None:
    """Refuse options that were given for the other kind of cluster.

    Raises:
        KitError: naming them.
    """
    if given := [f"--{name.replace('_', '-')}" for name in options.given(names)]:
        raise KitError(f"{' and '.join(given)}: with {where} alone")
