"""Published facts about Cosmic: the number of stamps of the chosen visits, and a score."""

from __future__ import annotations

from collections.abc import Iterator

from kit.data.facts import Fact, fact, known, sizes
from kit.data.prepared import Prepared
from kit.task import Task

from .visits import FILTER, RESOLVED_GALAXIES

STAMPS = {"train": 4_830, "test": 420}


def facts(task: Task, data: Prepared) -> Iterator[Fact]:
    """Yield the stamps of both archives, sizes, filter, visits, and deepCR's known score."""
    stamps = len(data.fold("train")) + len(data.fold("val"))
    where = "NAS-Bench-360's code"
    yield fact("stamps of the training archive", STAMPS["train"], stamps, where=where)
    yield fact("stamps of the test archive", STAMPS["test"], len(data.fold("test")), where=where)
    yield from sizes(task, data)
    yield fact("filter", FILTER, data.manifest.origin.get("filter"), where=where)
    visits = set(data.manifest.origin.get("visits", ()))
    yield fact("visits of other fields", 0, len(visits - RESOLVED_GALAXIES), where=where)
    yield known(
        "deepCR's true positive rate at a false one of 0.5 %", "91.2 %", "Kwon, Zhang, Bloom 2021"
    )
