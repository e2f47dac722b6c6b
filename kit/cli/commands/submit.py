"""``kit submit``: the runs behind a table, handed to a cluster that queues them itself."""

from __future__ import annotations

import re
import shlex
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from kit.cli import checks, options
from kit.cli.output import print_json, tell
from kit.cli.types import FilePath
from kit.columns import plural
from kit.errors import KitError

if TYPE_CHECKING:
    from kit.engines.jobs import Job
    from kit.engines.slurm.arrays import Array, Site
    from kit.plan.records import Plan
    from kit.spec import Profile

CONTAINERS = ("plain", "apptainer", "enroot", "docker")
SLURM = ("timeout", "allow_unpinned", "container", "template", "images", "hours", "sbatch")
KUBERNETES = ("namespace", "queue", "claims")
# What Kubernetes takes; it would refuse others only once the manifest is there.
NAME = re.compile(r"[a-z0-9]([-.a-z0-9]{0,61}[a-z0-9])?")
HOW = ("jobs", *SLURM, *KUBERNETES)


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
    **request: Any,
) -> None:
    """Submit the runs that a table lacks to a cluster, and return.

    With --slurm, there is one array per image and time class. 'kit status' and 'kit logs' follow
    the runs, 'kit stop' stops them, and 'kit table' prints the results. The same command again
    submits the runs that are still missing and neither queued nor running.
    """
    from kit.cli import planning
    from kit.cli.reproduce.runs import tell_failed

    how = {name: request.pop(name) for name in HOW} | {"device": device}
    if slurm == kubernetes:
        raise KitError("say where: --slurm or --kubernetes")
    _refuse(*((SLURM, "--slurm") if kubernetes else (KUBERNETES, "--kubernetes")))
    checks.check_variables()
    plan = planning.make(**request)
    if device == "cpu":
        checks.needs_gpu(request["profile"], device, force, specs=[run.spec for run in plan.todo])
    tell_failed(plan)
    if kubernetes:
        _kubernetes(plan, dry_run, **how)
    else:
        _slurm(plan, request["profile"], dry_run, form, **how)


def _refuse(names: Sequence[str], where: str) -> None:
    """Refuse options that were given for the other kind of cluster.

    Raises:
        KitError: naming them.
    """
    if given := [f"--{name.replace('_', '-')}" for name in options.given(names)]:
        raise KitError(f"{' and '.join(given)}: with {where} alone")


def _slurm(
    plan: Plan,
    profile: Profile,
    dry_run: bool,
    form: str,
    *,
    jobs: int | None,
    sbatch: tuple[str, ...],
    **how: Any,
) -> None:
    from kit.cli.preparing import prepare
    from kit.cli.reproduce.runs import set_rejected_aside
    from kit.engines.slurm import arrays, submission
    from kit.plan.data import check_disk

    own = {name: value for name, value in how.items() if name not in KUBERNETES}
    site = arrays.Site(options=sbatch, at_a_time=jobs, **own)
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


def _kubernetes(
    plan: Plan,
    dry_run: bool,
    *,
    jobs: int | None,
    device: str | None,
    namespace: str,
    queue: str | None,
    claims: str,
    **_: Any,
) -> None:
    import msgspec

    from kit import paths
    from kit.engines import kubernetes
    from kit.engines.jobs import Job
    from kit.files import write_bytes

    results, comma, data = claims.partition(",")
    if not (results and comma and data):
        raise KitError(f"--claims takes two names, RESULTS,DATA, not {claims!r}")
    names = (("namespace", namespace), ("queue", queue), ("claims", results), ("claims", data))
    for option, name in names:
        if name is not None and not NAME.fullmatch(name):
            raise KitError(
                f"--{option}: {name!r:.80} is no name in Kubernetes: up to 63 small letters, "
                "digits, '-' and '.', with a letter or digit at both ends"
            )
    cluster = kubernetes.KubernetesConfig(namespace, queue, results, data, jobs, device)
    todo = [Job.planned(run) for run in plan.todo]
    if not (todo or dry_run):
        click.echo("nothing to submit; 'kit table' shows what is done")
        return
    text = msgspec.json.format(msgspec.json.encode(kubernetes.manifest(todo, cluster)), indent=2)
    if dry_run:
        click.echo(text)
        return
    file = paths.results() / "kubernetes" / f"{time.strftime('%Y%m%d-%H%M%S')}.json"
    write_bytes(file, text + b"\n")
    click.echo(f"{len(todo)} runs, {kubernetes.NOTE}: kubectl apply -f {shlex.quote(str(file))}")
