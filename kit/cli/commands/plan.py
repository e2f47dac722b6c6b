"""``kit plan``: what a table needs, without running anything."""

from __future__ import annotations

from typing import Any

import click

from kit.cli import options
from kit.errors import KitError


@click.command(name="plan")
@options.part_of_table
@click.option("--gpus", help="Plan for so many GPUs (8) or for these (0,1); default: those here.")
@click.option("--dry-run", is_flag=True, help="As in 'kit reproduce'; a plan never runs anything.")
@options.formats("text", "json")
def command(gpus: str | None, dry_run: bool, form: str, **request: Any) -> None:
    """Show what is behind a table: which runs, why, for how long, and how much disk they take."""
    del dry_run
    if request["number"] is None:
        raise KitError("say which table: --table N; 'kit list tables' shows them")
    count = int(gpus) if gpus is not None and gpus.isdigit() else 0
    show(make(**request), form, gpus=gpus, count=count)


def make(*, number: int, protocol: Any, **rest: Any) -> Any:
    """Return the plan for the options of ``part_of_table``."""
    from kit import plan

    return plan.make(plan.Request(table=number, protocol=protocol or "released", **rest))


def show(
    plan: Any,
    form: str,
    *,
    gpus: str | None = None,
    jobs: int | None = None,
    jobs_per_gpu: int = 1,
    device: str | None = None,
    count: int = 0,
    engine: str = "local",
    ray_address: str | None = None,
    **_: Any,
) -> None:
    """Print a plan, and how long it takes where its runs can go, or on ``count`` GPUs."""
    from kit.engines import choose
    from kit.engines.engine import Options

    if count:
        places, where = count, f"{count} GPUs"
    else:
        there = choose.places(gpus, jobs, device, jobs_per_gpu)
        if engine == "ray":
            cluster = choose.connect(engine, [], Options(device, jobs_per_gpu, False, ray_address))
            assert isinstance(cluster, choose.Cluster)
            there = cluster.places([], jobs)
        places, where = there.capacity, str(there)
    if form == "json":
        import msgspec

        found = _as_json(plan, places)
        click.echo(msgspec.json.format(msgspec.json.encode(found), indent=2))
        return
    show_runs(plan)
    click.echo(_summary(plan, places, where))


def show_runs(plan: Any) -> None:
    """Print which data and runs a plan has, and why."""
    for data in plan.data:
        note = "ready" if data.ready else f"missing: {data.command}"
        click.echo(f"data  {data.task} {data.tier}: {note}")
    for run in plan.runs:
        hours = "  ? h" if run.hours is None else f"{run.hours:5.3g} h"
        click.echo(f"{run.action:6} {hours:>9}  {run.spec}  {run.reason}")
    for task, method, reason in plan.skipped:
        click.echo(f"n/a   {method} on {task}: {reason}")


def _summary(plan: Any, places: int, where: str) -> str:
    counts = {
        "to run": len(plan.todo),
        "done": sum(run.action == "keep" for run in plan.runs),
        "failed before": sum(run.action == "failed" for run in plan.runs),
    }
    line = ", ".join(f"{n} {what}" for what, n in counts.items() if n or what != "failed before")
    if not plan.todo:
        return line
    known = [run.hours for run in plan.todo if run.hours is not None]
    unknown = len(plan.todo) - len(known)
    work = f"{sum(known):.3g} h of work, {_makespan(plan, places):.3g} h on {where}"
    if unknown:
        work = f"at least {work} ({unknown} runs of unknown length)" if known else "unknown length"
    return f"{line}; {work}; about {plan.bytes / 1e9:.2f} GB of disk"


def _makespan(plan: Any, places: int) -> float:
    """Return the hours until the last run of a known length ends."""
    from kit.engines.schedule import makespan

    return makespan([run.hours for run in plan.todo if run.hours is not None], places)


def _as_json(plan: Any, places: int) -> dict[str, Any]:
    runs = [
        {
            "id": run.spec.id,
            "folder": str(run.spec.folder),
            "task": run.spec.task,
            "method": run.spec.method,
            "seed": run.spec.seed,
            "profile": run.spec.profile,
            "protocol": run.spec.protocol,
            "tier": run.spec.tier,
            "action": run.action,
            "reason": run.reason,
            "hours": run.hours,
            "gpus": run.gpus,
            "bytes": run.bytes,
        }
        for run in plan.runs
    ]
    skipped = [{"task": t, "method": m, "reason": r} for t, m, r in plan.skipped]
    return {
        "runs": runs,
        "data": plan.data,
        "skipped": skipped,
        "places": places,
        "hours": _makespan(plan, places),
        "runs_of_unknown_length": sum(run.hours is None for run in plan.todo),
        "bytes": plan.bytes,
    }
