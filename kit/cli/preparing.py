"""What is done before anything runs: data made ready, results that do not count set aside."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from kit.cli.output import tell
from kit.errors import BusyError, DataError

if TYPE_CHECKING:
    from kit.engines.engine import Engine
    from kit.plan.records import PlannedData
    from kit.spec import Profile, Tier
    from kit.task import Task


def prepare(data: PlannedData, profile: Profile, engine: Engine | None = None) -> None:
    """Make the data of a plan ready, as far as the kit can by itself, or by an engine that can.

    Raises:
        DataError: they have to be fetched first; the line has the command.
    """
    from kit import task
    from kit.cli.progress import bar
    from kit.data import preparing
    from kit.engines.engine import Prepares

    if data.ready:
        return
    if not data.automatic:
        raise DataError(data.problem)
    tell(f"{data.task}: preparing {data.tier} data")
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


def prepare_task(the_task: Task, profile: Profile, tier: Tier | None) -> Tier:
    """Make the data of a task ready, and return their tier: the one asked for, or the best."""
    from kit.data.preparing import choose_tier
    from kit.plan.data import data_of

    chosen = choose_tier(the_task, profile, tier)
    prepare(data_of(the_task, chosen, profile), profile)
    return chosen


def set_rejected_aside() -> None:
    """Rename the results that count as absent, and say so."""
    from kit.runs.collect import collect, set_aside

    for rejected in collect().rejected:
        tell(f"{rejected}; kept aside as {set_aside(rejected).name}")
