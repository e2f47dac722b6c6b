"""Published facts about Satellite: counts, classes and steps."""

from __future__ import annotations

from collections.abc import Iterator

from kit.data.facts import Fact, classes, fact, sizes
from kit.data.prepared import Prepared
from kit.task import Task


def facts(task: Task, data: Prepared) -> Iterator[Fact]:
    """Yield sizes, the number of series in the training file and in both, and classes."""
    yield from sizes(task, data)
    series = len(data.fold("train")) + len(data.fold("val"))
    yield fact("series of the training file", 900_000, series, where="SITS1M's own properties")
    yield fact("series together", 1_000_000, len(data.array("y")), where="SITS1M's own properties")
    yield from classes(task, data)
