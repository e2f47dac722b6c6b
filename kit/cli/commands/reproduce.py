"""``kit reproduce``: everything behind a table: data, runs, and the table itself."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import click

from kit.cli import options
from kit.errors import DataError, KitError


@click.command(name="reproduce")
@options.part_of_table
@click.option("--figure", type=int, help="Measure this figure instead (paper dash: 2, 3).")
@click.option("--dry-run", is_flag=True, help="Show the plan and stop.")
@click.option(
    "--jobs", type=click.IntRange(min=1), help="Runs at a time; default: one per GPU, or per core."
)
@options.device
@options.force
@options.formats("text", "markdown", "csv", "latex", "json")
def command(
    figure: int | None,
    dry_run: bool,
    jobs: int | None,
    device: str | None,
    force: bool,
    form: str,
    **request: Any,
) -> None:
    """Run whatever is missing of a table and print it, measured beside published.

    Exit code 1 if a run failed; the others have their results all the same.
    """
    from kit.cli.commands import plan as planning

    if (figure is None) == (request["number"] is None):
        raise KitError("say which: --table N, or --figure N")
    if figure is not None:
        _figure(figure, request["profile"], request["tier"], device, force, form)
        return
    plan = planning.make(**request)
    if dry_run:
        planning.show(plan, "json" if form == "json" else "text")
        return
    todo = [run.spec for run in plan.runs if run.action == "run"]
    if todo:
        options.needs_gpu(request["profile"], device, force)
    for data in plan.data:
        _prepare(data, request["profile"])
    _set_rejected_aside()
    failed = _run(todo, _slots(jobs, device), device) if todo else 0
    _print(form, **request)
    if failed:
        click.echo(f"kit: {failed} of {len(todo)} runs failed; the table is not whole", err=True)
        raise click.exceptions.Exit(1)


def _figure(
    figure: int, profile: Any, tier: Any, device: str | None, force: bool, form: str
) -> None:
    """Measure a speed figure and print it."""
    options.needs_gpu(profile, device, force)
    from kit import task
    from kit.bench import speed
    from kit.cli.commands.figure import show
    from kit.cli.progress import bar
    from kit.data import preparing
    from kit.data.prepared import generated, repair
    from kit.engines.devices import gpus
    from kit.plan import PlannedData

    speed.places(figure)
    found = task.find(speed.TASK)
    chosen = preparing.choose_tier(found, profile, tier)
    ready = preparing.state(found, chosen, profile).ready
    command = repair(found, chosen, profile)
    _prepare(PlannedData(found.name, chosen, ready, command, generated(chosen)), profile)
    with bar(f"figure {figure}") as progress:
        measured = speed.measure(
            figure,
            profile,
            chosen,
            device=device or ("cuda" if gpus() else "cpu"),
            progress=progress,
        )
    show(measured, None, "json" if form == "json" else "text")


def _prepare(data: Any, profile: Any) -> None:
    from kit import task
    from kit.cli.progress import bar
    from kit.data import preparing

    if data.ready:
        return
    if not data.automatic:
        raise DataError(f"{data.task}: no {data.tier} data prepared; run '{data.command}'")
    click.echo(f"{data.task}: preparing {data.tier} data", err=True)
    with bar(f"{data.task} data") as progress:
        preparing.prepare(task.find(data.task), data.tier, profile, progress=progress)


def _set_rejected_aside() -> None:
    from kit.runs.collect import collect, set_aside

    for rejected in collect().rejected:
        click.echo(f"{rejected}; kept aside as {set_aside(rejected).name}", err=True)


def _run(todo: Sequence[Any], slots: Sequence[str | None], device: str | None) -> int:
    """Run specs, show them, and return how many failed."""
    from kit.cli.progress import bars
    from kit.engines.local import Ended, Running, run_all

    click.echo(f"{len(todo)} runs, {min(len(slots), len(todo))} at a time", err=True)
    failed = 0

    def ended(end: Ended) -> None:
        nonlocal failed
        failed += end.code != 0
        status = end.status
        told = status.message if status and status.state == "failed" else None
        how = "done" if end.code == 0 else f"FAILED: {told or 'see'} ({end.log})"
        click.echo(f"{end.spec}: {how} after {end.seconds:.0f} s", err=True)

    with bars() as show:

        def watch(running: Sequence[Running]) -> None:
            show({str(each.spec): _position(each) for each in running})

        run_all(todo, slots=slots, device=device, watch=watch, ended=ended)
    return failed


def _position(running: Any) -> tuple[int, int]:
    """Where a run stands, in its stage's epochs."""
    status = running.folder.status()
    if status is None or not status.epochs:
        return 0, 1
    return status.epoch or 0, status.epochs


def _slots(jobs: int | None, device: str | None) -> list[str | None]:
    """One run per GPU, or per core where there is none; ``jobs`` sets how many at most."""
    from kit.engines.devices import gpus

    uuids = [] if device == "cpu" else [gpu.uuid for gpu in gpus()]
    if uuids:
        return list(uuids[:jobs])
    return [None] * (jobs or len(os.sched_getaffinity(0)))


def _print(form: str, **request: Any) -> None:
    from kit.report import formats, table
    from kit.runs.collect import collect

    filled = table.make(
        request["paper"],
        request["number"],
        collect().results,
        profile=request["profile"],
        protocol=request["protocol"] or "released",
        tier=request["tier"],
    )
    click.echo(formats.render(filled, form), nl=False)
