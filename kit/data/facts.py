"""Checking prepared data against what was published of them: expected and found, fact by fact.

A task's folder may have a ``facts.py`` with ``facts(task, data)``, which yields them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import numpy as np

from kit import discovery
from kit.data import raw
from kit.data.prepared import Prepared
from kit.files import md5
from kit.task import Source, Task

# Sizes that were stated in passing, as "3 to 4 GB", are right to within this share.
ROUGHLY = 0.15
MODULE = "facts"


@dataclass(frozen=True)
class Fact:
    """One thing that was published of a task's data.

    Attributes:
        what: the quantity in words, such as ``samples in train``.
        expected: the published value.
        found: in these data; None where it cannot be measured from them.
        agrees: whether they agree; None where nothing was measured.
        where: who published it.
    """

    what: str
    expected: str
    found: str | None
    agrees: bool | None
    where: str = ""


def fact(what: str, expected: Any, found: Any, *, within: float = 0.0, where: str = "") -> Fact:
    """Return a fact that was measured.

    Args:
        what: the quantity in words, such as ``samples in train``.
        expected: the published value.
        found: the same, measured in the data that are here.
        within: how far numbers may be apart, where they were printed rounded.
        where: who published it.
    """
    agrees = abs(found - expected) <= within if within else bool(expected == found)
    return Fact(what, _words(expected), _words(found), agrees, where)


def known(what: str, expected: str, where: str) -> Fact:
    """Return a fact that takes more than the data: a score that a network is known to reach."""
    return Fact(what, expected, None, None, where)


def facts(task: Task, data: Prepared) -> Iterator[Fact]:
    """Yield what is known of a task's raw files, then of its prepared data."""
    tier = data.manifest.tier
    for source in task.sources:
        if source.tier == tier:
            yield from _raw(task, source)
    if (task.folder / f"{MODULE}.py").exists():
        module = discovery.load("tasks", task.folder, MODULE)
        yield from cast(Iterable[Fact], module.facts(task, data))
    else:
        yield from sizes(task, data)


def sizes(task: Task, data: Prepared) -> Iterator[Fact]:
    """Yield how many samples each fold has, and the shape of one."""
    if task.about is not None:
        for name, size in task.about.sizes.items():
            yield fact(f"{task.unit}s of {name}", size, len(data.fold(name)), where="both papers")
    if not data.has("x-offsets"):
        yield fact("shape of a sample", task.sample_shape, data.array("x").shape[1:])


def classes(task: Task, data: Prepared, first: int = 0) -> Iterator[Fact]:
    """Yield how many classes the labels have, and that none is missing."""
    found = np.unique(np.asarray(data.array("y")))
    yield fact("classes", task.outputs, len(found))
    yield fact("lowest and highest label", (first, first + task.outputs - 1), _span(found))


def _span(values: Any) -> tuple[int, int]:
    return int(values.min()), int(values.max())


def _raw(task: Task, source: Source) -> Iterator[Fact]:
    file = raw.place(task, source)
    if not file.is_file() or file.name != source.file.split("/")[-1]:
        return
    size = file.stat().st_size
    if source.size is not None:
        yield fact(f"bytes of {source.file}", source.size, size)
    elif source.roughly is not None:
        near = ROUGHLY * source.roughly
        yield fact(f"bytes of {source.file}, roughly", source.roughly, size, within=near)
    if source.md5 is not None:
        yield fact(f"MD5 of {source.file}", source.md5, md5(file))


def _words(value: Any) -> str:
    if isinstance(value, tuple | list):
        return " / ".join(map(_words, value))
    if isinstance(value, int | np.integer):
        return f"{int(value):,}"
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)
