"""The task contract: data facts only. What a method does on a task is the method's.

A task is a folder with ``task.py`` (its ``TASK``) and ``prepare.py`` (its ``prepare``).
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, cast

from kit import discovery, paths
from kit.errors import unknown
from kit.spec import Profile, Tier

if TYPE_CHECKING:
    import numpy as np

# What raw files are for: a tier of data, or tables of networks that others have trained.
Holding = Tier | Literal["precomputed"]
Kind = Literal["point", "multi-label", "regression", "dense", "segmentation"]


@dataclass(frozen=True, kw_only=True)
class Source:
    """One raw file, or folder of files, of a tier: where from, and what it must be.

    Attributes:
        file: its name below ``data/raw/<task>/``.
        instead: names of what is taken in its place: the folder that an archive makes, another
            version of a table.
        holds: patterns of paths, of which all are in the archive or folder; it is known by them
            where its name is another one.
        urls: mirrors in the order in which to try them (``kit.mirrors``); may be empty.
        package: where a package holds it, ``pypi:name==version`` or ``debian:name``.
        size: bytes, where known.
        roughly: bytes as somebody stated them in passing; for plans, not checked.
        sha256: hexadecimal digits, where known; of a folder, over its files' names and hashes.
        md5: hexadecimal digits, where that is what was published.
        tier: which data are prepared from it; ``precomputed`` is a table of networks' scores.
        folder: whether it is a folder.
    """

    file: str
    instead: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    urls: tuple[str, ...] = ()
    package: str | None = None
    size: int | None = None
    roughly: int | None = None
    sha256: str | None = None
    md5: str | None = None
    tier: Holding = "published"
    folder: bool = False


@dataclass(frozen=True, kw_only=True)
class About:
    """What a paper's table of tasks tells of one.

    Attributes:
        sizes: samples of the published data, fold by fold.
        objective: what is to be learnt, in a few words.
        expert: the architecture that was made by hand for it.
        novelty: whether architectures had been searched on it before the papers.
    """

    sizes: Mapping[str, int]
    objective: str
    expert: str
    novelty: Literal["new", "used before", "widely used"] = "new"


@dataclass(frozen=True, kw_only=True)
class Task:
    """The facts of one task.

    Attributes:
        name: with hyphens; the folder has underscores.
        dims: spatial axes of a sample, 1 or 2.
        sample_shape: (channels, *spatial) as prepared, before any method's data config.
        outputs: classes, labels, numbers, or output channels of a dense task.
        kind: a class, several labels or numbers per sample; numbers (``dense``) or a class
            (``segmentation``) per position.
        loss: the default loss, a name in ``kit.training.losses``.
        metrics: evaluators in ``kit.metrics``; the first is the table's.
        unit: what a metric averages over (sample, clip, record, protein, stamp).
        version: to be raised whenever prepared data or scores change.
        tiers: where data can come from, best first.
        rules: what every method's ``kit.settings.DataConfig`` starts from.
        reduced: rules laid over them by the profiles below ``paper``, on grounds of cost.
        provable: whether rebuilt data can be shown to be the published ones, by their hashes.
        about: facts for the papers' tables of tasks; None for a task of one's own.
        names: of the classes, labels or numbers, output by output; empty where they have none.
        forms: of its metrics, such as ``challenge``, those that mean something on it alone.
    """

    name: str
    title: str
    dims: Literal[1, 2]
    sample_shape: tuple[int, ...]
    outputs: int
    kind: Kind
    loss: str
    metrics: tuple[str, ...]
    unit: str
    version: int
    licence: str
    citation: str
    tiers: tuple[Tier, ...]
    sources: tuple[Source, ...] = ()
    rules: Mapping[str, Any] = field(default_factory=dict)
    reduced: Mapping[Profile, Mapping[str, Any]] = field(default_factory=dict)
    provable: bool = False
    about: About | None = None
    names: tuple[str, ...] = ()
    forms: tuple[str, ...] = ()
    folder: Path = Path()

    @property
    def dense(self) -> bool:
        """Whether there is an answer per position: a network gives (outputs, *spatial)."""
        return self.kind in ("dense", "segmentation")

    def samples(self, profile: Profile) -> Mapping[str, int]:
        """Return how many samples of each prepared fold a profile uses; empty means all."""
        return cast(Mapping[str, int], self.reduced.get(profile, {}).get("samples", {}))

    def made(self, profile: Profile) -> Mapping[str, int]:
        """Return how many samples a generator makes for a profile; empty means all.

        Other folds than these three choose anew among the samples of these.
        """
        folds = ("train", "val", "test")
        return {name: count for name, count in self.samples(profile).items() if name in folds}

    def prepare(self, job: Preparation) -> Contents:
        """Make the arrays of a tier, by the ``prepare`` of the task's folder.

        Raises:
            DataError: a raw file is missing or is not what it should be.
        """
        module = discovery.load("tasks", self.folder, "prepare")
        return cast(Contents, module.prepare(job))


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """What a task's ``prepare`` is asked for.

    Attributes:
        tier: which data to prepare: published, regenerated, a sample, synthetic.
        raw: folder of the raw files that were fetched or imported.
        samples: how many samples of each prepared fold; empty means all.
        workers: processes to use.
        scratch: folder for partial work; it survives an interruption, so work can resume.
        progress: called with (done, total).
    """

    tier: Tier
    raw: Path
    samples: Mapping[str, int]
    workers: int
    scratch: Path
    progress: Callable[[int, int], None]

    def find(self, *names: str) -> Path:
        """Return the first of these raw files or folders that is there, else the first one."""
        places = [self.raw / name for name in names]
        return next((place for place in places if place.exists()), places[0])


@dataclass(frozen=True, kw_only=True)
class Contents:
    """Prepared data: unsplit, unnormalised, in original units.

    Attributes:
        arrays: ``x`` (samples, channels, *spatial), ``y`` targets, ``unit_id`` (samples,), and
            where the task has them ``mask`` and ``length``. A ragged array is joined along its
            first axis, and ``<name>-offsets`` (samples + 1,) tells where each sample begins.
            ``shared-<name>`` belongs to no single sample.
        folds: index arrays into the samples: ``train``, ``val``, ``test``, ...
        origin: how the data came about (generator, seed, raw hashes), for the manifest.
        as_published: whether rebuilt data are shown to be the published ones, by their hashes.
    """

    arrays: Mapping[str, np.ndarray]
    folds: Mapping[str, np.ndarray]
    origin: Mapping[str, Any]
    as_published: bool = False


def names() -> list[str]:
    """Return the names of all tasks found that can be used, sorted."""
    return list(discovery.sift(paths.tasks(), ("task.py",), find)[0])


def broken() -> list[str]:
    """Return a line for each task folder that cannot be used: its path and the reason."""
    return discovery.sift(paths.tasks(), ("task.py",), find)[1]


def find(name: str) -> Task:
    """Return the task of that name.

    Raises:
        KitError: there is none, near names are suggested; or its folder is broken.
    """
    return _find(str(name), tuple(paths.tasks()))


@cache
def _find(name: str, roots: tuple[Path, ...]) -> Task:
    folders = discovery.listing(roots, "task.py")
    if name not in folders:
        raise unknown("task", name, folders)
    module = discovery.load("tasks", folders[name], "task")
    return replace(discovery.member(module, "TASK", Task), folder=folders[name])
