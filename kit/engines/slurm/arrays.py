"""Runs as arrays of Slurm jobs, alike in image, GPUs and time."""

from __future__ import annotations

import os
import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Literal

import msgspec

from kit import paths
from kit.engines.jobs import Job
from kit.errors import KitError
from kit.spec import Profile, RunSpec

# In an array's folder.
SCRIPT, CONTENT = "script.sh", "array.json"
Container = Literal["plain", "apptainer", "enroot", "docker"]
SUFFIXES = {"apptainer": ".sif", "enroot": ".sqsh"}
# A job may ask for so many hours. Estimates come from other machines: a run that needs more time
# than it got goes on in a second job.
CLASSES = (1, 2, 4, 8, 12, 24, 48, 72, 168)
MARGIN = 1.5
# Where nothing tells how long a run takes; profile paper gets all that there is.
UNKNOWN: Mapping[Profile, int] = {"smoke": 1, "lite": 4}


@dataclass(frozen=True)
class Site:
    """How a cluster is used.

    Attributes:
        container: what runs are in; ``plain`` for the environment of this very kit.
        template: a file in place of the shipped one of that name.
        images: the folder of ``.sif`` or ``.sqsh`` files.
        options: of sbatch, such as ``--partition=gpu``.
        hours: that a job may last at most.
        at_a_time: of an array; None for as many as there is room for.
        device: ``cpu`` for jobs without GPUs.
        timeout: hours after which a run is stopped for good.
        allow_unpinned: run Docker images that are not locked; their results say so.
    """

    container: Container = "plain"
    template: Path | None = None
    images: Path = Path("images")
    options: tuple[str, ...] = ()
    hours: int = 24
    at_a_time: int | None = None
    device: str | None = None
    timeout: float | None = None
    allow_unpinned: bool = False

    @property
    def partition(self) -> str | None:
        """The partition, as far as somebody has named one."""
        named = re.findall(r"(?:--partition[=\s]+|(?<!\S)-p\s*)(\S+)", " ".join(self.options))
        return named[-1] if named else os.environ.get("SBATCH_PARTITION")


class Array(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One job array; what its tasks read when they begin.

    Attributes:
        folder: of its script, this file, and what its tasks print.
        image: None for a plain environment.
        gpus: per run, 0 for the CPU.
        wave: arrays of a later wave begin when those of earlier ones have ended.
        memory: bytes that each run needs of a GPU, None where no earlier run has told.
    """

    folder: str
    image: str | None
    gpus: int
    hours: int
    wave: int
    device: str | None
    timeout: float | None
    runs: tuple[RunSpec, ...]
    memory: tuple[int | None, ...] = ()

    def job(self, index: int) -> Job:
        """Return what one of its tasks has to do."""
        memory = self.memory[index] if self.memory else None
        return Job(self.runs[index], gpus=max(1, self.gpus), memory=memory)


def arrays(jobs: Sequence[Job], site: Site) -> list[Array]:
    """Sort runs into arrays, the longest first in each.

    Raises:
        KitError: an image is missing.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    waves = _waves([job.spec for job in jobs])
    groups: defaultdict[tuple[int, str, int, int], list[Job]] = defaultdict(list)
    for job in sorted(jobs, key=lambda job: -(job.hours or 0.0)):
        gpus = 0 if site.device == "cpu" else job.gpus
        image = _image(job.spec.task, site) or ""
        groups[waves[job.id], image, gpus, hours(job, site)].append(job)
    return [
        Array(
            folder=str(paths.results() / "slurm" / f"{stamp}-{os.getpid()}-{number}"),
            image=image or None,
            gpus=gpus,
            hours=time,
            wave=wave,
            device="cuda" if gpus else "cpu",
            timeout=site.timeout,
            runs=tuple(job.spec for job in members),
            memory=tuple(job.memory for job in members),
        )
        for number, ((wave, image, gpus, time), members) in enumerate(sorted(groups.items()))
    ]


def hours(job: Job, site: Site) -> int:
    """Return the time class of a run."""
    expected = UNKNOWN.get(job.spec.profile) if job.hours is None else MARGIN * job.hours
    fitting = [time for time in CLASSES if expected is not None and time >= expected]
    return min([*fitting, site.hours])


def _image(task: str, site: Site) -> str | None:
    if site.container == "plain":
        return None
    if site.container == "docker":
        # Here, since a node reads arrays and needs no Docker for that.
        from kit.containers import lock
        from kit.containers.images import reference

        pinned = lock.pinned(task)
        if pinned is None and not site.allow_unpinned:
            raise KitError(lock.unlocked(task))
        return pinned.image_id if pinned else reference(task)
    file = site.images.absolute() / f"{task}{SUFFIXES[site.container]}"
    if not file.is_file():
        raise KitError(
            f"no image {file}; docs/cluster.md says how it is made, --images where it is"
        )
    return str(file)


def _waves(specs: Sequence[RunSpec]) -> dict[str, int]:
    """Return after how many others' ends each run can begin: those whose results it reads."""
    known = {spec.id: spec for spec in specs}

    @cache
    def wave(run: str) -> int:
        needed = [each for each in known[run].inputs.values() if each in known]
        return max((wave(each) + 1 for each in needed), default=0)

    return {run: wave(run) for run in known}
