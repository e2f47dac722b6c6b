"""``kit reproduce``: everything behind a table: data, runs, and the table itself."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import click

from kit.cli import options
from kit.errors import BusyError, DataError, KitError, unknown

SPEED_TESTS = (("dash", "2"), ("dash", "3"))
# A table of seconds: nothing is trained, both supernets take an epoch.
SPEED_TABLE = ("dash", 8)


@click.command(name="reproduce")
@options.part_of_table
@click.option(
    "--figure", metavar="N", help="Instead of a table: a speed test, or performance profiles."
)
@click.option("--study", metavar="NAME", help="Instead of a table: a study, such as ablation.")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@options.places
@click.option(
    "--timeout", type=click.FloatRange(min=0), metavar="HOURS", help="Stop a run after so long."
)
@options.device
@options.tensorboard
@options.force
@options.formats("text", "markdown", "csv", "latex", "json")
def command(
    figure: str | None,
    study: str | None,
    dry_run: bool,
    timeout: float | None,
    device: str | None,
    force: bool,
    form: str,
    **rest: Any,
) -> None:
    """Run whatever is missing of a table and print it, measured beside published.

    Ctrl-C stops the runs, twice kills them; the same command goes on where they were. Started
    twice, the two share the work. Exit code 1 if the table is not whole because a run failed; the
    others have their results all the same.
    """
    from kit.cli.commands import plan as planning

    where = {name: rest.pop(name) for name in options.PLACES}
    if where["engine"] == "ray" and where["gpus"]:
        raise KitError("--gpus names GPUs of this machine; those of a cluster Ray gives: --jobs N")
    request = rest
    if [figure, study, request["number"]].count(None) != 2:
        raise KitError("say which: --table N, --figure N, or --study NAME")
    if figure is not None and (request["paper"], figure) in SPEED_TESTS:
        _figure(int(figure), request["profile"], request["tier"], device, force, form)
        return
    if (request["paper"], request["number"]) == SPEED_TABLE and not dry_run:
        _epochs(request["profile"], request["tier"], device, force)
        _print(form, None, **request)
        return
    if figure is not None:
        request |= _behind(figure, **request)
    plan = of_study(study, **request) if study else planning.make(**request)
    if dry_run:
        planning.show(plan, "json" if form == "json" else "text", **where, device=device)
        return
    failed = [run for run in plan.runs if run.action == "failed"]
    for run in failed:
        click.echo(f"{run.spec}: {run.reason}; --retry-failed runs it again", err=True)
    if plan.todo:
        options.needs_gpu(request["profile"], device, force, where["engine"])
        failed += _run(plan, request["profile"], timeout, device, **where)
    if study:
        _print_study(study, form, **request)
    else:
        _print(form, figure, **request)
    if failed:
        what = "figure" if figure else "table"
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
    from kit.engines.jobs import Job, Rules
    from kit.plan import check_disk

    check_disk(plan)
    specs = [run.spec for run in plan.todo]
    places = choose.places(gpus, jobs, device, jobs_per_gpu)
    how = Options(device, jobs_per_gpu, allow_unpinned, ray_address)
    chosen = choose.connect(engine, specs, how, lambda line: click.echo(line, err=True))
    for data in plan.data:
        prepare(data, profile, chosen)
    if isinstance(chosen, choose.Cluster):  # with the data, which its nodes must have
        places = chosen.places(specs, jobs)
    set_rejected_aside()
    todo = [Job(run.spec, run.hours, run.gpus) for run in plan.todo]
    rules = Rules(timeout=None if timeout is None else 3600 * timeout)
    return list(sweep.run(todo, chosen, places, rules))


def _study_request(
    *, tasks: Sequence[str], profile: Any, protocol: Any, tier: Any, seeds: Any, **_: Any
) -> tuple[Any, dict[str, Any]]:
    """Return the one task of a study, and how its runs are made."""
    from kit import papers, task
    from kit.data.preparing import choose_tier
    from kit.spec import SEEDS

    if len(tasks) != 1:
        raise KitError("a study is of one task: --task NAME")
    the_task = task.find(tasks[0])
    return the_task, {
        "seeds": seeds or SEEDS,
        "profile": profile,
        "protocol": protocol or ("released" if papers.has_task(the_task.name) else "clean"),
        "tier": choose_tier(the_task, profile, tier),
    }


def of_study(name: str, *, retry_failed: bool, **request: Any) -> Any:
    """Return the plan of a study, for the options of ``part_of_table``."""
    from kit import plan, studies

    the_task, how = _study_request(**request)
    runs = studies.specs(studies.find(name), the_task, **how)
    return plan.of_specs((spec for specs in runs.values() for spec in specs), retry_failed)


def _print_study(name: str, form: str, **request: Any) -> None:
    from kit.files import canonical_json
    from kit.report import study
    from kit.runs.collect import collect

    if form not in ("text", "markdown", "json"):
        raise KitError("a study is printed as text, markdown or json")
    the_task, how = _study_request(**request)
    table = study.make(name, the_task, collect().results, **how)
    if form == "json":
        click.echo(canonical_json(study.as_json(table)))
    else:
        render = study.as_markdown if form == "markdown" else study.as_text
        click.echo(render(table), nl=False)


def _behind(figure: str, *, paper: str, methods: Sequence[str], **_: Any) -> dict[str, Any]:
    """Return the table and the methods behind performance profiles."""
    from kit import method
    from kit.report.figures import profiles

    if figure not in profiles.names(paper):
        tests = (number for of, number in SPEED_TESTS if of == paper)
        raise unknown(f"figure of {paper}", figure, [*profiles.names(paper), *tests])
    wanted = profiles.definition(paper, figure)
    found: dict[str, None] = {}
    for curve in (curve for panel in wanted.panels for curve in panel.curves):
        known = [name for name in curve.methods if name in (methods or method.names())]
        if not known:
            raise KitError(
                f"{curve.title} in figure {figure} needs {' or '.join(curve.methods)}, which "
                f"{'was not asked for' if methods else 'this kit cannot run'}; "
                f"'kit figure {figure} --paper {paper}' shows the published values"
            )
        found |= dict.fromkeys(known)
    return {"number": wanted.table, "methods": tuple(found)}


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


def prepare(data: Any, profile: Any, engine: Any = None) -> None:
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


def _print(form: str, figure: str | None, **request: Any) -> None:
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
