"""Checks of prepared data against published facts, such as sizes and hashes.

A task's folder may have a ``facts.py`` with a function ``facts(task, data)`` that yields ``Fact``.
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

# Relative tolerance of sizes that are only known roughly, as "3 to 4 GB".
ROUGHLY = 0.15
MODULE = "facts"


@dataclass(frozen=True)
class Fact:
    """A published fact about a task's data.

    Attributes:
        what: the quantity in words, such as ``samples in train``.
        expected: the published value.
        found: the value in these data; None if it cannot be measured from them.
        agrees: whether the two values agree; None if nothing was measured.
        where: who published the value.
    """

    what: str
    expected: str
    found: str | None
    agrees: bool | None
    where: str = ""


def fact(what: str, expected: Any, found: Any, *, within: float = 0.0, where: str = "") -> Fact:
    """Return a fact with a measured value.

    Args:
        what: the quantity in words, such as ``samples in train``.
        expected: the published value.
        found: the value measured in these data.
        within: largest absolute difference, for values that were published rounded; 0 for equality.
        where: who published the value.
    """
    agrees = abs(found - expected) <= within if within else bool(expected == found)
    return Fact(what, _words(expected), _words(found), agrees, where)


def known(what: str, expected: str, where: str) -> Fact:
    """Return a fact that cannot be measured from the data alone, such as a network's score."""
    return Fact(what, expected, None, None, where)


def facts(task: Task, data: Prepared) -> Iterator[Fact]:
    """Yield the facts of a task's raw files, then those of its prepared data."""
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
    """Yield the number of units in each fold, and the shape of a sample."""
    if task.about is not None:
        for name, size in task.about.sizes.items():
            yield fact(f"{task.unit}s of {name}", size, len(data.fold(name)), where="both papers")
    if not data.has("x-offsets"):
        yield fact("shape of a sample", task.sample_shape, data.array("x").shape[1:])


def classes(task: Task, data: Prepared, first: int = 0) -> Iterator[Fact]:
    """Yield the number of classes among the labels, and the lowest and highest label.

    Args:
        task: has the number of classes.
        data: the prepared data.
        first: the expected lowest label.
    """
    labels = np.unique(np.asarray(data.array("y")))
    yield fact("classes", task.outputs, len(labels))
    yield fact("lowest and highest label", (first, first + task.outputs - 1), _span(labels))


def _span(values: Any) -> tuple[int, int]:
    return int(values.min()), int(values.max())


def _raw(task: Task, source: Source) -> Iterator[Fact]:
    """Yield size and MD5 of a raw file, if it exists under its own name."""
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
    """Return a value as text; numbers are rounded, and parts are joined by slashes."""
    if isinstance(value, tuple | list):
        return " / ".join(map(_words, value))
    if isinstance(value, int | np.integer):
        return f"{int(value):,}"
    return f"{value:.4g}" if isinstance(value, float | np.floating) else str(value)
