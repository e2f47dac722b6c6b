"""A plan as it is shown: which data and runs, why, and how long they take."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from kit.cli.output import print_json, tell
from kit.columns import duration, plural, size

if TYPE_CHECKING:
    from kit.cli.options import Placement
    from kit.plan.records import Plan


def show(plan: Plan, form: str, placement: Placement, *, count: int = 0) -> None:
    """Print a plan, and how long it takes.

    Args:
        plan: what there is to do.
        form: json; any other is text.
        placement: where its runs are to go.
        count: so many GPUs instead; 0 for those of ``placement``.
    """
    slots, where = (count, plural(count, "GPU")) if count else places(placement)
    if form == "json":
        print_json(as_json(plan, slots))
        return
    show_runs(plan)
    click.echo(_summary(plan, slots, where))


def places(placement: Placement) -> tuple[int, str]:
    """Return how many runs can go at a time, and where, in words."""
    from kit.engines import choose
    from kit.engines.engine import SweepOptions

    jobs, device, share = placement.jobs, placement.device, placement.jobs_per_gpu
    there = choose.slots(placement.gpus, jobs, device, share)
    if placement.engine == "ray":
        options = SweepOptions(device, share, ray_address=placement.ray_address)
        cluster = choose.connect("ray", [], options)
        assert isinstance(cluster, choose.ClusterEngine)
        there = cluster.slots([], jobs)
    return there.capacity, str(there)


def tell_failed(plan: Plan) -> int:
    """Tell which runs of a plan have failed before and are left alone; return how many."""
    failed = [run for run in plan.runs if run.action == "failed"]
    for run in failed:
        tell(f"{run.spec}: {run.reason}; --retry-failed runs it again")
    return len(failed)


def show_runs(plan: Plan) -> None:
    """Print which data and runs a plan has, and why."""
    for data in plan.data:
        note = "ready" if data.ready else f"missing: {data.command}"
        click.echo(f"data  {data.task} {data.tier}: {note}")
    for run in plan.runs:
        length = "? h" if run.hours is None else duration(3600 * run.hours)
        click.echo(f"{run.action:6} {length:>9}  {run.spec}  {run.reason}")
    for task, method, reason in plan.skipped:
        click.echo(f"n/a   {method} on {task}: {reason}")


def _summary(plan: Plan, slots: int, where: str) -> str:
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
    work, span = (duration(3600 * hours) for hours in (sum(known), _makespan(plan, slots)))
    work = f"{work} of work, {span} on {where}"
    if unknown:
        length = f"at least {work} ({plural(unknown, 'run')} of unknown length)"
        work = length if known else "of unknown length"
    return f"{line}; {work}; about {size(plan.bytes)} of disk"


def _makespan(plan: Plan, slots: int) -> float:
    """Return the hours until the last run of a known length ends."""
    from kit.engines.schedule import makespan

    return makespan([run.hours for run in plan.todo if run.hours is not None], slots)


def as_json(plan: Plan, slots: int) -> dict[str, Any]:
    """Return a plan as plain values, for so many places to run it in."""
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
            "gpu_memory": run.memory,
        }
        for run in plan.runs
    ]
    skipped = [{"task": t, "method": m, "reason": r} for t, m, r in plan.skipped]
    return {
        "runs": runs,
        "data": plan.data,
        "skipped": skipped,
        "places": slots,
        "hours": _makespan(plan, slots),
        "runs_of_unknown_length": sum(run.hours is None for run in plan.todo),
        "bytes": plan.bytes,
    }
