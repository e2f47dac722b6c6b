"""What a plan lacks, made: its data first, then its runs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kit.cli import checks
from kit.cli.output import tell
from kit.cli.preparing import prepare
from kit.errors import KitError

if TYPE_CHECKING:
    from kit.plan.records import Plan
    from kit.spec import Profile


def fill(
    plan: Plan,
    profile: Profile,
    *,
    timeout: float | None,
    device: str | None,
    trials_on: str | None,
    force: bool,
    engine: str,
    ray_address: str | None,
    gpus: str | None,
    jobs: int | None,
    jobs_per_gpu: int,
    allow_unpinned: bool,
) -> int:
    """Run the runs that a plan lacks; return how many have failed, those from before included.

    What says where and how are the options of these names; ``timeout`` is in hours.
    """
    from kit.cli import sweep
    from kit.engines import choose, trial_workers
    from kit.engines.engine import SweepOptions
    from kit.engines.jobs import Job, RetryPolicy
    from kit.engines.queue import check
    from kit.engines.slots import Cpu
    from kit.plan.data import check_disk

    checks.check_variables()
    failed = tell_failed(plan)
    if not plan.todo:
        return failed
    specs = [run.spec for run in plan.todo]
    checks.needs_gpu(profile, device, force, engine, specs)
    check_disk(plan)
    todo = [Job.planned(run) for run in plan.todo]
    each = 1 if trials_on is None else trial_workers.processes(trials_on)
    slots = choose.slots(gpus, jobs, device, jobs_per_gpu)
    if isinstance(slots, Cpu) and jobs is None:
        slots = Cpu(max(1, slots.capacity // each), slots.cores)
    cores = slots.cores if isinstance(slots, Cpu) and engine != "ray" else None
    shared = SweepOptions(
        device=device,
        jobs_per_gpu=jobs_per_gpu,
        allow_unpinned=allow_unpinned,
        ray_address=ray_address,
        cores=cores,
        trials_on=trials_on,
    )
    chosen = choose.connect(engine, specs, shared, tell)
    if trials_on is not None and chosen.name == "docker" and not trials_on.startswith("local"):
        raise KitError("--trials-on: containers have no network; local:N works in them")
    if not isinstance(chosen, choose.ClusterEngine):
        check(todo, slots)
    if chosen.name == "local" and not isinstance(slots, Cpu):
        from kit.engines import torch_device  # which loads torch

        torch_device.check()
    for data in plan.data:
        prepare(data, profile, chosen)
    if isinstance(chosen, choose.ClusterEngine):  # with the data, which its nodes must have
        slots = chosen.slots(specs, jobs)
    set_rejected_aside()
    policy = RetryPolicy(timeout=None if timeout is None else 3600 * timeout)
    return failed + len(sweep.run(todo, chosen, slots, policy))


def tell_failed(plan: Plan) -> int:
    """Tell which runs of a plan have failed before and are left alone; return how many."""
    failed = [run for run in plan.runs if run.action == "failed"]
    for run in failed:
        tell(f"{run.spec}: {run.reason}; --retry-failed runs it again")
    return len(failed)


def set_rejected_aside() -> None:
    """Rename the results that count as absent, and say so."""
    from kit.runs.collect import collect, set_aside

    for rejected in collect().rejected:
        tell(f"{rejected}; kept aside as {set_aside(rejected).name}")
