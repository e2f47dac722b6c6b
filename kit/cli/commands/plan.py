"""``kit plan``: what a table needs, without running anything."""

from __future__ import annotations

from typing import Any

import click

from kit.cli import options
from kit.errors import KitError


@click.command(name="plan")
@options.part_of_table
@options.formats("text", "json")
def command(form: str, **request: Any) -> None:
    """Show the runs behind a table: which run, why, and for how long."""
    if request["number"] is None:
        raise KitError("say which table: --table N; 'kit list tables' shows them")
    show(make(**request), form)


def make(*, number: int, protocol: Any, **rest: Any) -> Any:
    """Return the plan for the options of ``part_of_table``."""
    from kit import plan

    return plan.make(plan.Request(table=number, protocol=protocol or "released", **rest))


def show(plan: Any, form: str) -> None:
    """Print a plan."""
    if form == "json":
        import msgspec

        click.echo(msgspec.json.format(msgspec.json.encode(_as_json(plan)), indent=2))
        return
    for data in plan.data:
        note = "ready" if data.ready else f"missing: {data.command}"
        click.echo(f"data  {data.task} {data.tier}: {note}")
    for run in plan.runs:
        hours = "  ? h" if run.hours is None else f"{run.hours:5.3g} h"
        click.echo(f"{run.action:5} {hours:>9}  {run.spec}  {run.reason}")
    for task, method, reason in plan.skipped:
        click.echo(f"n/a   {method} on {task}: {reason}")
    todo = [run for run in plan.runs if run.action == "run"]
    known = [run.hours for run in todo if run.hours is not None]
    total = f"{sum(known):.3g} h" if len(known) == len(todo) else "unknown time"
    click.echo(f"{len(todo)} to run ({total}), {len(plan.runs) - len(todo)} done")


def _as_json(plan: Any) -> dict[str, Any]:
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
        }
        for run in plan.runs
    ]
    skipped = [{"task": t, "method": m, "reason": r} for t, m, r in plan.skipped]
    return {"runs": runs, "data": plan.data, "skipped": skipped}
