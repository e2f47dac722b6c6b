"""Runs as arrays of Slurm jobs: alike in image, GPUs and time, each array with its script."""

from __future__ import annotations

import os
import shlex
import sys
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Literal, get_args

import msgspec
from jinja2 import (
    Environment,
    FileSystemLoader,
    StrictUndefined,
    TemplateError,
    TemplateNotFound,
)

from kit import paths
from kit.containers import lock
from kit.containers.build import code
from kit.containers.images import reference
from kit.engines.jobs import Job
from kit.errors import KitError
from kit.files import sha256
from kit.spec import Profile, RunSpec

Container = Literal["plain", "apptainer", "enroot", "docker"]
CONTAINERS: tuple[Container, ...] = get_args(Container)
SUFFIXES = {"apptainer": ".sif", "enroot": ".sqsh"}
TEMPLATES = Path(__file__).with_name("templates")
# A job may ask for so many hours. Estimates come from other machines: a run that needs more time
# than it got goes on in a second job.
CLASSES = (1, 2, 4, 8, 12, 24, 48, 72, 168)
MARGIN = 1.5
# Where nothing tells how long a run takes; profile paper gets all that there is.
UNKNOWN: Mapping[Profile, int] = {"smoke": 1, "lite": 4}
# Before its time is up a job is told, so that the run can end in peace and be queued again.
WARNING_SECONDS = 120
UNPINNED = {"KIT_IMAGE_PINNED": "0"}
PASSED = ("KIT_TASKS", "KIT_METHODS")


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
        named = [word.partition("=")[2] for word in self.options if word.startswith("--partition=")]
        return named[-1] if named else os.environ.get("SBATCH_PARTITION")


class Array(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One job array; what its tasks read when they begin.

    Attributes:
        folder: of its script, this file, and what its tasks print.
        image: None for a plain environment.
        gpus: per run, 0 for the CPU.
        wave: arrays of a later wave begin when those of earlier ones have ended.
    """

    folder: str
    image: str | None
    gpus: int
    hours: int
    wave: int
    device: str | None
    timeout: float | None
    runs: tuple[RunSpec, ...]


def arrays(jobs: Sequence[Job], site: Site) -> list[Array]:
    """Sort runs into arrays, the longest first in each.

    Raises:
        KitError: an image is missing.
    """
    stamp = datetime.now(UTC).strftime("%Y%m%d-%H%M%S")
    waves = _waves([job.spec for job in jobs])
    groups: defaultdict[tuple[int, str, int, int], list[Job]] = defaultdict(list)
    for job in jobs:
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
            runs=tuple(job.spec for job in sorted(members, key=lambda job: -(job.hours or 0.0))),
        )
        for number, ((wave, image, gpus, time), members) in enumerate(sorted(groups.items()))
    ]


def hours(job: Job, site: Site) -> int:
    """Return the time class of a run."""
    expected = UNKNOWN.get(job.spec.profile) if job.hours is None else MARGIN * job.hours
    fitting = [time for time in CLASSES if expected is not None and time >= expected]
    return min([*fitting, site.hours])


def script(array: Array, site: Site) -> str:
    """Return the script of an array.

    Raises:
        KitError: the template cannot be read, or is wrong.
    """
    folders = [TEMPLATES, *([site.template.absolute().parent] if site.template else [])]
    environment = Environment(
        loader=FileSystemLoader(folders),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["quote"] = shlex.quote
    name = site.template.name if site.template else f"{site.container}.sh"
    try:
        template = (
            environment.from_string(site.template.read_text())
            if site.template
            else environment.get_template(name)
        )
        return template.render(
            name=f"{len(array.runs)} runs, {array.hours} h",
            folder=array.folder,
            runs=len(array.runs),
            at_a_time=site.at_a_time,
            warning=WARNING_SECONDS,
            minutes=60 * array.hours,
            gpus=array.gpus,
            options=site.options,
            variables=_variables(array),
            python=sys.executable,
            image=array.image,
        )
    except TemplateNotFound as error:
        raise KitError(f"template {name}: it extends {error.name}, which is not there") from None
    except OSError as error:
        raise KitError(f"{site.template}: {error.strerror}") from None
    except TemplateError as error:
        raise KitError(f"template {name}: {error}") from None


def _variables(array: Array) -> dict[str, str]:
    """Return what a job must know of this shell, whatever a site makes of the environment."""
    known = {"KIT_RESULTS": str(paths.results()), "KIT_DATA": str(paths.data())}
    known |= {name: os.environ[name] for name in PASSED if os.environ.get(name)}
    if array.image is None:
        return known
    if Path(array.image).is_file():
        return known | {"KIT_IMAGE_ID": f"sha256:{_digest(Path(array.image))}", **UNPINNED}
    task = array.runs[0].task
    pinned = {"KIT_IMAGE_PINNED": "1"} if lock.pinned(task) else UNPINNED
    return known | pinned | {"KIT_CODE": code(task)}


def _image(task: str, site: Site) -> str | None:
    if site.container == "plain":
        return None
    if site.container == "docker":
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


@cache
def _digest(file: Path) -> str:
    return sha256(file)
