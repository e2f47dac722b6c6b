"""What a plan lacks, made: its data first, then its runs."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from kit.cli import checks
from kit.cli.output import tell
from kit.cli.plan_output import tell_failed
from kit.cli.preparing import prepare, set_rejected_aside
from kit.errors import KitError

if TYPE_CHECKING:
    from kit.engines.engine import Engine
    from kit.engines.jobs import Job
    from kit.engines.slots import Slots
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
    from kit.engines import choose
    from kit.engines.engine import SweepOptions
    from kit.engines.jobs import Job, RetryPolicy
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
    slots = _slots(gpus, jobs, device, jobs_per_gpu, trials_on)
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
    _check(chosen, slots, todo, trials_on)
    for data in plan.data:
        prepare(data, profile, chosen)
    if isinstance(chosen, choose.ClusterEngine):  # with the data, which its nodes must have
        slots = chosen.slots(specs, jobs)
    set_rejected_aside()
    policy = RetryPolicy(timeout=None if timeout is None else 3600 * timeout)
    return failed + len(sweep.run(todo, chosen, slots, policy))


def _slots(
    gpus: str | None, jobs: int | None, device: str | None, jobs_per_gpu: int, trials_on: str | None
) -> Slots:
    """Return where runs go on this machine: fewer at a time if each trains in several processes."""
    from kit.engines import choose, trial_workers
    from kit.engines.slots import Cpu

    each = 1 if trials_on is None else trial_workers.processes(trials_on)
    slots = choose.slots(gpus, jobs, device, jobs_per_gpu)
    if isinstance(slots, Cpu) and jobs is None:
        return Cpu(max(1, slots.capacity // each), slots.cores)
    return slots


def _check(engine: Engine, slots: Slots, todo: Sequence[Job], trials_on: str | None) -> None:
    """Refuse what an engine cannot do, before data are prepared for it.

    Raises:
        KitError: trials cannot be trained where they should be, a run fits nowhere, or torch does
            not see the GPUs.
    """
    from kit.engines import choose, queue
    from kit.engines.slots import Cpu

    if trials_on is not None and engine.name == "docker" and not trials_on.startswith("local"):
        raise KitError("--trials-on: containers have no network; local:N works in them")
    if not isinstance(engine, choose.ClusterEngine):
        queue.check(todo, slots)
    if engine.name == "local" and not isinstance(slots, Cpu):
        from kit.engines import torch_device  # which loads torch

        torch_device.check()
