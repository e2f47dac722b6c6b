"""Preparing the data of a tier: by one process at a time, and resumable if interrupted."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import product
from pathlib import Path

from kit import paths
from kit.data import beside, mend, raw
from kit.data.offers import offer, others
from kit.data.prepared import (
    MANIFEST,
    OutdatedError,
    folder_of,
    generated,
    open_prepared,
    repair,
)
from kit.data.writing import publish, write_prepared
from kit.errors import BusyError, DataError, KitError
from kit.files import locked
from kit.spec import PROFILES, Profile, Tier
from kit.task import Preparation, Task

# Folders that interrupted preparations leave beside those of prepared data.
HALF = (".*.partial", ".*.new", ".*.old")


@dataclass(frozen=True)
class State:
    """The state of one tier of one task.

    Attributes:
        ready: whether the data are prepared.
        detail: the folder if they are ready; the error if they are outdated; else the command that
            prepares them.
        bytes: size of the arrays; 0 if they are not ready.
        outdated: whether there are data of another version or from files edited since.
    """

    tier: Tier
    ready: bool
    detail: str
    bytes: int = 0
    outdated: bool = False


def prepare(
    task: Task,
    tier: Tier,
    profile: Profile,
    *,
    workers: int | None = None,
    progress: Callable[[int, int], None] = lambda *_: None,
) -> None:
    """Prepare the data of a tier.

    Args:
        task: the task.
        tier: the tier.
        profile: if it is reduced and the kit generates the tier, only its samples are made.
        workers: number of processes; None for all cores.
        progress: called with (done, total).

    Raises:
        KitError: the task has no such tier.
        BusyError: another process is preparing the tier.
        DataError: a raw file is missing or wrong.
    """
    if tier not in task.tiers:
        raise KitError(f"{task.name} has no {tier} data; there is {', '.join(task.tiers)}")
    samples = task.made(profile) if generated(tier) else {}
    name = f"{tier}-{profile}" if samples else tier
    folder = paths.data() / task.name / name
    scratch = folder.with_name(f".{name}.partial")
    with locked(_lock(task, name)) as acquired:
        if not acquired:
            raise _busy(task, name)
        if missing := raw.missing(task, tier):
            files = ", ".join(source.file for source in missing)
            ways = [f"bring them by 'kit data import {task.name} PATH...'"]
            if offer(task, tier).fetchable:
                ways.insert(0, f"'{mend.command('fetch', task.name, f'--tier {tier}')}'")
            ways += [f"take --tier {other}" for other in others(task, tier)]
            raise DataError(f"{task.name}: missing {files}; {', or '.join(ways)}")
        scratch.mkdir(exist_ok=True)
        job = Preparation(
            tier=tier,
            raw=raw.folder_of(task),
            samples=samples,
            workers=workers or len(os.sched_getaffinity(0)),
            scratch=scratch,
            progress=progress,
        )
        files_beside = beside.describe(task)
        contents = task.prepare(job)
        write_prepared(folder, task, tier, samples, contents, files_beside)
        raw.pin(task, tier)
        if contents.as_published:
            publish(folder)
        shutil.rmtree(scratch, ignore_errors=True)


def clean(task: Task) -> list[Path]:
    """Remove the folders that interrupted preparations of a task have left, and return them.

    Prepared data are kept. The next preparation starts from the beginning.

    Raises:
        BusyError: another process is preparing data of the task.
    """
    home = paths.data() / task.name
    if not home.exists():
        return []
    with ExitStack() as locks:
        for tier, profile in product(task.tiers, ("", *PROFILES)):
            name = f"{tier}-{profile}" if profile else tier
            if not locks.enter_context(locked(_lock(task, name))):
                raise _busy(task, name)
        folders = sorted(each for pattern in HALF for each in home.glob(pattern) if each.is_dir())
        for folder in folders:
            shutil.rmtree(folder)
    return folders


def _lock(task: Task, name: str) -> Path:
    return paths.data() / task.name / f".{name}.lock"


def _busy(task: Task, name: str) -> BusyError:
    return BusyError(f"{task.name} {name} is being prepared by another process")


def state(task: Task, tier: Tier, profile: Profile = "paper") -> State:
    """Return the state of a tier for a profile."""
    try:
        prepared = open_prepared(task, tier, profile)
    except OutdatedError as error:
        return State(tier, False, str(error), outdated=True)
    except DataError:
        return State(tier, False, repair(task, tier, profile))
    size = sum(info.bytes for info in prepared.manifest.arrays.values())
    return State(tier, True, str(prepared.folder), size)


def is_published(task: Task) -> bool:
    """Tell whether the tiers ``rebuilt`` and ``published`` are both prepared and identical."""
    try:
        rebuilt, published = (open_prepared(task, t, "paper") for t in ("rebuilt", "published"))
    except DataError:
        return False
    return rebuilt.manifest.digest == published.manifest.digest


def check(task: Task) -> dict[str, str]:
    """Return the state of each prepared folder by its name: ``ok``, or what is wrong with it.

    All files are read and compared with the manifest.
    """
    states: dict[str, str] = {}
    for tier, profile in product(task.tiers, PROFILES):
        folder = folder_of(task, tier, profile)
        if folder.name in states or not (folder / MANIFEST).exists():
            continue
        try:
            damaged = ", ".join(open_prepared(task, tier, profile).damaged())
            states[folder.name] = f"damaged: {damaged}" if damaged else "ok"
        except DataError as error:
            states[folder.name] = str(error)
    return states


def choose_tier(task: Task, profile: Profile, wanted: Tier | None) -> Tier:
    """Return the tier that a run uses.

    This is the wanted tier if one is given. Else it is the task's first tier for profile ``paper``;
    for a reduced profile the first that is prepared, else one that the kit can generate.

    Raises:
        KitError: the task has no such tier.
    """
    if wanted is not None:
        if wanted not in task.tiers:
            raise KitError(f"{task.name} has no {wanted} data; there is {', '.join(task.tiers)}")
        return wanted
    if profile == "paper":
        return task.tiers[0]
    ready = [tier for tier in task.tiers if state(task, tier, profile).ready]
    possible = [tier for tier in task.tiers if generated(tier) and not raw.missing(task, tier)]
    return [*ready, *possible, *task.tiers][0]
