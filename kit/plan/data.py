"""The data that planned runs need, and the disk that both take."""

from __future__ import annotations

import shutil
from collections.abc import Iterable
from math import prod
from pathlib import Path

from kit import paths, task
from kit.columns import size
from kit.data import raw
from kit.data.prepared import generated, repair
from kit.data.preparing import state
from kit.errors import KitError
from kit.plan.records import Plan, PlannedData, PlannedRun
from kit.spec import Profile, Tier
from kit.task import Task


def data_behind(runs: Iterable[PlannedRun]) -> list[PlannedData]:
    """Return what is to be done for the data of the runs to be run."""
    specs = (run.spec for run in runs if run.action == "run")
    places = dict.fromkeys((spec.task, spec.tier, spec.profile) for spec in specs)
    return [data_of(task.find(name), tier, profile) for name, tier, profile in places]


def data_of(the_task: Task, tier: Tier, profile: Profile) -> PlannedData:
    """Return what is to be done for the data of a task."""
    now, command = state(the_task, tier, profile), repair(the_task, tier, profile)
    return PlannedData(
        the_task.name,
        tier,
        now.ready,
        command,
        # What somebody edited, or made by an older kit, they replace themselves.
        automatic=generated(tier) or not (now.outdated or raw.missing(the_task, tier)),
        bytes=0 if now.ready else _data_bytes(the_task, tier, profile),
        problem=now.detail
        if now.outdated
        else f"{the_task.name}: no {tier} data prepared; run '{command}'",
    )


def _data_bytes(the_task: Task, tier: Tier, profile: Profile) -> int:
    """Return what data that are not ready will take, as far as the task's facts tell."""
    if generated(tier):
        samples = sum(the_task.made(profile).values())
        return 2 * 4 * samples * prod(the_task.sample_shape)
    files = [
        source.size or source.roughly or 0 for source in the_task.sources if source.tier == tier
    ]
    to_fetch = [source.size or source.roughly or 0 for source in raw.missing(the_task, tier)]
    return sum(to_fetch) + sum(files)


def check_disk(plan: Plan) -> None:
    """Refuse a plan for which there is not enough room.

    Raises:
        KitError: naming the folder, what is needed and what is free.
    """
    needs = {
        paths.data(): sum(each.bytes for each in plan.data),
        paths.results(): sum(run.bytes for run in plan.todo),
    }
    by_disk: dict[int, list[Path]] = {}
    for folder in needs:
        by_disk.setdefault(paths.existing(folder).stat().st_dev, []).append(folder)
    for folders in by_disk.values():
        needed = sum(needs[folder] for folder in folders)
        free = shutil.disk_usage(paths.existing(folders[0])).free
        if needed > free:
            where = " and ".join(map(str, folders))
            raise KitError(
                f"the plan needs about {size(needed)} in {where}, and {size(free)} are free; "
                "make room, plan fewer tasks, or move them by KIT_DATA or KIT_RESULTS"
            )
