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
    from kit.cli.options import Placement
    from kit.engines.engine import Engine
    from kit.engines.jobs import Job
    from kit.engines.slots import Slots
    from kit.plan.records import Plan
    from kit.spec import Profile


def fill(plan: Plan, profile: Profile, placement: Placement) -> int:
    """Run the runs that a plan lacks; return how many have failed, those from before included.

    Raises:
        KitError: they cannot be run as asked for; a wrong ``--gpus`` is refused without any, too.
    """
    from kit.cli import sweep
    from kit.engines import choose, visible
    from kit.engines.engine import SweepOptions
    from kit.engines.jobs import Job, RetryPolicy
    from kit.engines.slots import Cpu
    from kit.plan.data import check_disk

    checks.check_variables()
    if placement.gpus and placement.device != "cpu":
        visible.allowed(placement.gpus)
    failed = tell_failed(plan)
    if not plan.todo:
        return failed
    specs, engine = [run.spec for run in plan.todo], placement.engine
    checks.needs_gpu(profile, placement.device, placement.force, engine, specs)
    check_disk(plan)
    todo = [Job.planned(run) for run in plan.todo]
    slots = _slots(placement)
    shared = SweepOptions(
        device=placement.device,
        jobs_per_gpu=placement.jobs_per_gpu,
        allow_unpinned=placement.allow_unpinned,
        ray_address=placement.ray_address,
        cores=slots.cores if isinstance(slots, Cpu) and engine != "ray" else None,
        trials_on=placement.trials_on,
    )
    chosen = choose.connect(engine, specs, shared, tell)
    _check(chosen, slots, todo, placement.trials_on)
    for data in plan.data:
        prepare(data, profile, chosen)
    if isinstance(chosen, choose.ClusterEngine):  # with the data, which its nodes must have
        slots = chosen.slots(specs, placement.jobs)
    set_rejected_aside()
    policy = RetryPolicy(timeout=placement.timeout and 3600 * placement.timeout)
    return failed + len(sweep.run(todo, chosen, slots, policy))


def _slots(placement: Placement) -> Slots:
    """Return where runs go on this machine: fewer at a time if each trains in several processes."""
    from kit.engines import choose, trial_workers
    from kit.engines.slots import Cpu

    trials_on, jobs = placement.trials_on, placement.jobs
    each = 1 if trials_on is None else trial_workers.processes(trials_on)
    slots = choose.slots(placement.gpus, jobs, placement.device, placement.jobs_per_gpu)
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

    if engine.name == "docker" and choose.trials_elsewhere(trials_on):
        raise KitError(choose.NO_NETWORK)
    if not isinstance(engine, choose.ClusterEngine):
        queue.check(todo, slots)
    if engine.name == "local" and not isinstance(slots, Cpu):
        from kit.engines import torch_device  # which loads torch

        torch_device.check()
