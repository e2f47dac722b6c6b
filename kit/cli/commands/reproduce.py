"""``kit reproduce``: everything behind a table: data, runs, and the table itself."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Any

import click

from kit.cli import options
from kit.errors import BusyError, DataError, KitError

if TYPE_CHECKING:
    from kit.engines.engine import Engine
    from kit.plan import PlannedData

# A table of seconds: nothing is trained, both supernets take an epoch.
SPEED_TABLE = ("dash", 8)


@click.command(name="reproduce")
@options.wanted
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@options.slots
@click.option(
    "--timeout", type=click.FloatRange(min=0), metavar="HOURS", help="Stop a run after so long."
)
@options.device
@options.tensorboard
@options.force
@options.formats("text", "md", "csv", "latex", "json")
def command(
    dry_run: bool,
    timeout: float | None,
    device: str | None,
    force: bool,
    form: str,
    **request: Any,
) -> None:
    """Run whatever is missing of a table, and print it.

    Ctrl-C stops the runs, twice kills them; the same command goes on where they were. Started
    twice, the two share the work. Exit code 1 if the table is not whole because a run failed; the
    others have their results all the same.
    """
    from kit.cli.commands import plan as planning

    where = {name: request.pop(name) for name in options.PLACES}
    if where["engine"] == "ray" and where["gpus"]:
        raise KitError("--gpus names GPUs of this machine; those of a cluster Ray gives: --jobs N")
    planning.check_one(**request)
    if (request["paper"], request["figure"]) in planning.SPEED_TESTS:
        _figure(int(request["figure"]), request["profile"], request["tier"], device, force, form)
        return
    if (request["paper"], request["number"]) == SPEED_TABLE and not dry_run:
        _epochs(request["profile"], request["tier"], device, force)
        _print(form, **request)
        return
    plan = planning.make(**request)
    if dry_run:
        planning.show(plan, "json" if form == "json" else "text", **where, device=device)
        return
    failed = [run for run in plan.runs if run.action == "failed"]
    for run in failed:
        click.echo(f"{run.spec}: {run.reason}; --retry-failed runs it again", err=True)
    if plan.todo:
        options.needs_gpu(request["profile"], device, force, where["engine"])
        failed += _run(plan, request["profile"], timeout, device, **where)
    _print(form, **request)
    if failed:
        what = "figure" if request["figure"] else "table"
        click.echo(
            f"kit: {len(failed)} of {len(plan.runs)} runs failed; the {what} is not whole", err=True
        )
        raise click.exceptions.Exit(1)


def _run(
    plan: Any,
    profile: Any,
    timeout: float | None,
    device: str | None,
    *,
    engine: str,
    ray_address: str | None,
    gpus: str | None,
    jobs: int | None,
    jobs_per_gpu: int,
    allow_unpinned: bool,
) -> list[Any]:
    """Prepare the data, run the runs, and return those that failed."""
    from kit.cli import sweep
    from kit.engines import choose
    from kit.engines.engine import Options
    from kit.engines.jobs import Job, RetryPolicy
    from kit.engines.queue import check
    from kit.plan import check_disk

    check_disk(plan)
    todo, specs = [Job.planned(run) for run in plan.todo], [run.spec for run in plan.todo]
    slots = choose.slots(gpus, jobs, device, jobs_per_gpu)
    how = Options(device, jobs_per_gpu, allow_unpinned, ray_address)
    chosen = choose.connect(engine, specs, how, lambda line: click.echo(line, err=True))
    if not isinstance(chosen, choose.Cluster):
        check(todo, slots)
    for data in plan.data:
        prepare(data, profile, chosen)
    if isinstance(chosen, choose.Cluster):  # with the data, which its nodes must have
        slots = chosen.slots(specs, jobs)
    set_rejected_aside()
    policy = RetryPolicy(timeout=None if timeout is None else 3600 * timeout)
    return list(sweep.run(todo, chosen, slots, policy))


def _print_study(name: str, form: str, **request: Any) -> None:
    from kit.cli.commands import plan as planning
    from kit.files import canonical_json
    from kit.report import study
    from kit.runs.collect import collect

    if form not in ("text", "md", "json"):
        raise KitError("a study is printed as text, md or json")
    the_task, how = planning.study_request(**request)
    table = study.make(name, the_task, collect().results, **how)
    if form == "json":
        click.echo(canonical_json(study.as_json(table)))
    else:
        render = study.as_markdown if form == "md" else study.as_text
        click.echo(render(table), nl=False)


def _figure(
    figure: int, profile: Any, tier: Any, device: str | None, force: bool, form: str
) -> None:
    """Measure a speed figure and print it."""
    options.needs_gpu(profile, device, force)
    from kit import plan, task
    from kit.bench import speed
    from kit.cli.commands.figure import show
    from kit.cli.progress import bar
    from kit.data.preparing import choose_tier
    from kit.engines.devices import gpus

    speed.places(figure)
    found = task.find(speed.TASK)
    chosen = choose_tier(found, profile, tier)
    prepare(plan.data_of(found, chosen, profile), profile)
    with bar(f"figure {figure}") as progress:
        measured = speed.measure(
            figure,
            profile,
            chosen,
            device=device or ("cuda" if gpus() else "cpu"),
            progress=progress,
        )
    show(measured, None, "json" if form == "json" else "text")


def _epochs(profile: Any, tier: Any, device: str | None, force: bool) -> None:
    """Measure the search epochs of Table 8."""
    options.needs_gpu(profile, device, force)
    from kit import plan, task
    from kit.bench import epochs
    from kit.cli.progress import bar
    from kit.data.preparing import choose_tier
    from kit.engines.devices import gpus

    found = task.find(epochs.TASK)
    chosen = choose_tier(found, profile, tier)
    prepare(plan.data_of(found, chosen, profile), profile)
    with bar("search epoch") as progress:
        epochs.measure(
            profile, chosen, device=device or ("cuda" if gpus() else "cpu"), progress=progress
        )


def prepare(data: PlannedData, profile: Any, engine: Engine | None = None) -> None:
    """Make the data of a plan ready, as far as the kit can by itself, or by an engine that can."""
    from kit import task
    from kit.cli.progress import bar
    from kit.data import preparing
    from kit.engines.engine import Prepares

    if data.ready:
        return
    if not data.automatic:
        raise DataError(f"{data.task}: no {data.tier} data prepared; run '{data.command}'")
    click.echo(f"{data.task}: preparing {data.tier} data", err=True)
    found = task.find(data.task)
    while not preparing.state(found, data.tier, profile).ready:
        try:
            if isinstance(engine, Prepares):
                engine.prepare(found, data.tier, profile)
                continue
            with bar(f"{data.task} data") as progress:
                preparing.prepare(found, data.tier, profile, progress=progress)
        except BusyError:  # another 'kit reproduce' is faster
            time.sleep(1.0)


def set_rejected_aside() -> None:
    """Rename the results that count as absent, and say so."""
    from kit.runs.collect import collect, set_aside

    for rejected in collect().rejected:
        click.echo(f"{rejected}; kept aside as {set_aside(rejected).name}", err=True)


def _print(form: str, *, figure: str | None, study: str | None, **request: Any) -> None:
    if study is not None:
        _print_study(study, form, **request)
        return
    kind = {
        "profile": request["profile"],
        "protocol": request["protocol"] or "released",
        "tier": request["tier"],
    }
    if figure is not None:
        from kit.cli.commands.figure import profile_figure

        profile_figure(figure, request["paper"], "json" if form == "json" else "text", **kind)
        return
    from kit.report import formats, table
    from kit.runs.collect import collect

    filled = table.make(request["paper"], request["number"], collect().results, **kind)
    click.echo(formats.render(filled, form), nl=False)
