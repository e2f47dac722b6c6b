"""Preparing a tier: one process at a time, resumable, replaced only when whole."""

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
from kit.data.offers import others
from kit.data.prepared import (
    MANIFEST,
    OutdatedError,
    folder_of,
    generated,
    open_prepared,
    publish,
    repair,
    write_prepared,
)
from kit.errors import BusyError, DataError, KitError
from kit.files import locked
from kit.spec import PROFILES, Profile, Tier
from kit.task import Preparation, Task

# Folders of work that did not come to its end, beside those of data that are ready.
HALF = (".*.partial", ".*.new", ".*.old")


@dataclass(frozen=True)
class State:
    """The state of one tier of one task.

    Attributes:
        detail: where the data are; or what to do, and why where there are some.
        outdated: whether there are some, of another version or from files edited since.
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
    """Make the prepared data of a tier; with a reduced profile, only what that profile uses.

    Raises:
        KitError: the task has no such tier.
        BusyError: another process is preparing it.
        DataError: a raw file is missing or wrong.
    """
    if tier not in task.tiers:
        raise KitError(f"{task.name} has no {tier} data; there is {', '.join(task.tiers)}")
    samples = task.made(profile) if generated(tier) else {}
    name = f"{tier}-{profile}" if samples else tier
    folder = paths.data() / task.name / name
    scratch = folder.with_name(f".{name}.partial")
    with locked(_lock(task, name)) as mine:
        if not mine:
            raise _busy(task, name)
        if missing := raw.missing(task, tier):
            files = ", ".join(source.file for source in missing)
            fetch = mend.command("fetch", task.name, f"--tier {tier}")
            raise DataError(
                f"{task.name}: missing {files}; '{fetch}', or "
                f"bring them by 'kit data import {task.name} PATH...'"
                + "".join(f", or take --tier {other}" for other in others(task, tier))
            )
        scratch.mkdir(exist_ok=True)
        job = Preparation(
            tier=tier,
            raw=raw.folder_of(task),
            samples=samples,
            workers=workers or len(os.sched_getaffinity(0)),
            scratch=scratch,
            progress=progress,
        )
        own = beside.describe(task)
        contents = task.prepare(job)
        write_prepared(folder, task, tier, samples, contents, own)
        raw.pin(task, tier)
        if contents.as_published:
            publish(folder)
        shutil.rmtree(scratch, ignore_errors=True)


def clean(task: Task) -> list[Path]:
    """Remove what interrupted preparations left of a task; returns the folders.

    Work that they would have resumed begins anew; data that are ready stay.

    Raises:
        BusyError: another process is preparing them.
    """
    home = paths.data() / task.name
    if not home.exists():
        return []
    with ExitStack() as held:
        for tier, profile in product(task.tiers, ("", *PROFILES)):
            name = f"{tier}-{profile}" if profile else tier
            if not held.enter_context(locked(_lock(task, name))):
                raise _busy(task, name)
        found = sorted(each for pattern in HALF for each in home.glob(pattern) if each.is_dir())
        for folder in found:
            shutil.rmtree(folder)
    return found


def _lock(task: Task, name: str) -> Path:
    return paths.data() / task.name / f".{name}.lock"


def _busy(task: Task, name: str) -> BusyError:
    return BusyError(f"{task.name} {name} is being prepared by another process")


def state(task: Task, tier: Tier, profile: Profile = "paper") -> State:
    """Tell whether a tier is ready for a profile, and if not, what to do."""
    try:
        prepared = open_prepared(task, tier, profile)
    except OutdatedError as error:
        return State(tier, False, str(error), outdated=True)
    except DataError:
        return State(tier, False, repair(task, tier, profile))
    size = sum(info.bytes for info in prepared.manifest.arrays.values())
    return State(tier, True, str(prepared.folder), size)


def is_published(task: Task) -> bool:
    """Tell whether what was rebuilt is kept as published data too."""
    try:
        rebuilt, published = (open_prepared(task, t, "paper") for t in ("rebuilt", "published"))
    except DataError:
        return False
    return rebuilt.manifest.digest == published.manifest.digest


def check(task: Task) -> dict[str, str]:
    """Return what is prepared, folder by folder: ``ok``, or what is wrong with it.

    Every byte is read and compared with the manifest.
    """
    found: dict[str, str] = {}
    for tier, profile in product(task.tiers, PROFILES):
        folder = folder_of(task, tier, profile)
        if folder.name in found or not (folder / MANIFEST).exists():
            continue
        try:
            damaged = ", ".join(open_prepared(task, tier, profile).damaged())
            found[folder.name] = f"damaged: {damaged}" if damaged else "ok"
        except DataError as error:
            found[folder.name] = str(error)
    return found


def choose_tier(task: Task, profile: Profile, wanted: Tier | None) -> Tier:
    """Return the tier of a run: the wanted one, else the best.

    The best is the published data; a reduced profile takes the best that is prepared, and where
    nothing is, what the kit can make by itself.

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
    own = [tier for tier in task.tiers if generated(tier) and not raw.missing(task, tier)]
    return [*ready, *own, *task.tiers][0]
