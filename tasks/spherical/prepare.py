"""Preparing Spherical: the published file, or projections of images, CIFAR-100's or synthetic."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import Any

import numpy as np
import numpy.typing as npt

from kit import discovery, task
from kit.data.raw import digest
from kit.data.split import in_order
from kit.seeding import generator
from kit.task import Contents, Preparation

from .projection import project, rotation
from .raw import SIDE, Images, Labels, Parts, read, write

COUNT = {"train": 40_000, "val": 10_000, "test": 10_000}
SAMPLE = {"train": 12, "val": 4, "test": 4}
FILE, SEED = "s2_cifar100.gz", 0
# Number of successive images with the same rotation.
CHUNK = 500
ORIGIN = {"seed": SEED, "images_per_rotation": CHUNK, "scaling": "per image"}
# Images of one fold: part of the archive, first image, number of images.
Range = tuple[str, int, int]


def prepare(job: Preparation) -> Contents:
    """Return the spheres of a tier: x (n, 3, 60, 60) of 0..255, y (n,) in 0..99."""
    if job.tier == "sample":
        return _sample(job)
    if job.tier == "regenerated":
        return _regenerated(job)
    if job.tier == "synthetic":
        return _synthetic(job)
    parts = read(job.raw / FILE, {"train": COUNT["train"] + COUNT["val"], "test": COUNT["test"]})
    job.progress(1, 1)
    x, y = (np.concatenate([parts[name][i] for name in ("train", "test")]) for i in range(2))
    return _contents(x, y, COUNT, {"files": {FILE: digest(job.raw / FILE)}})


def _regenerated(job: Preparation) -> Contents:
    """Project the images of CIFAR-100; a sample does not depend on the number of samples."""
    file = job.raw / "cifar-100-python.tar.gz"
    sizes = {"train": COUNT["train"] + COUNT["val"], "test": COUNT["test"]}
    parts = _cifar("raw").read(file, sizes)
    counts = {name: min(job.samples.get(name, n), n) for name, n in COUNT.items()}
    first = {"train": ("train", 0), "val": ("train", COUNT["train"]), "test": ("test", 0)}
    ranges = [(*first[name], count) for name, count in counts.items()]
    x, y = _project(parts, ranges, job)
    return _contents(x, y, counts, {"files": {file.name: digest(file)}, **ORIGIN})


def _sample(job: Preparation) -> Contents:
    """Project the twenty images of CIFAR-100 in the package foolbox."""
    (wheel,) = job.raw.glob("foolbox-*.whl")
    images = _cifar("images").read(wheel)
    x, y = _project({"train": images}, [("train", 0, len(images[1]))], job)
    return _contents(x, y, SAMPLE, {"files": {wheel.name: digest(wheel)}, **ORIGIN})


def _synthetic(job: Preparation) -> Contents:
    """Project CIFAR-100's synthetic images, write them in the published format, and read that."""
    synthetic = _cifar("synthetic")
    counts = {name: min(job.samples.get(name, n), n) for name, n in synthetic.COUNT.items()}
    sizes = {"train": counts["train"] + counts["val"], "test": counts["test"]}
    flat = {name: synthetic.images(count, SEED, name) for name, count in sizes.items()}
    spheres = {name: _project(flat, [(name, 0, count)], job) for name, count in sizes.items()}
    write(job.scratch / FILE, spheres)
    parts = read(job.scratch / FILE, sizes)
    x, y = (np.concatenate([parts[name][i] for name in sizes]) for i in range(2))
    return _contents(x, y, counts, {"generator": "cifar-100", **ORIGIN})


def _cifar(module: str) -> ModuleType:
    """Return a module of the task CIFAR-100, whose images are projected."""
    return discovery.load("tasks", task.find("cifar-100").folder, module)


def _project(parts: Parts, ranges: list[Range], job: Preparation) -> tuple[Images, Labels]:
    """Return the spheres and labels of ranges of images, joined."""
    total, done = sum(count for *_, count in ranges), 0
    x, y = np.empty((total, 3, SIDE, SIDE), np.uint8), np.empty(total, np.int64)
    for part, start, count in ranges:
        images, labels = parts[part]
        y[done : done + count] = labels[start : start + count]
        while count:
            step = min(count, CHUNK - start % CHUNK)
            turn = rotation(generator(SEED, "spherical", part, start // CHUNK))
            x[done : done + step] = project(images[start : start + step], turn)
            start, count, done = start + step, count - step, done + step
            job.progress(done, total)
    return x, y


def _contents(
    x: Images, y: Labels, counts: Mapping[str, int], origin: Mapping[str, Any]
) -> Contents:
    """Return the contents; samples are in the order of the folds."""
    arrays: dict[str, npt.NDArray[Any]] = {"x": x, "y": y, "unit_id": np.arange(len(y))}
    return Contents(arrays=arrays, folds=in_order(counts), origin=origin)
