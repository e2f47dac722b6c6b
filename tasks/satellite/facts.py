"""What is published of Satellite: counts, classes and steps."""

from __future__ import annotations

from collections.abc import Iterator

from kit.data.facts import Fact, classes, fact, sizes
from kit.data.prepared import Prepared
from kit.task import Task


def facts(task: Task, data: Prepared) -> Iterator[Fact]:
    """Yield sizes, the series of both files together, and classes."""
    yield from sizes(task, data)
    found = len(data.fold("train")) + len(data.fold("val"))
    yield fact("series of the training file", 900_000, found, where="SITS1M's own properties")
    yield fact("series together", 1_000_000, len(data.array("y")), where="SITS1M's own properties")
    yield from classes(task, data)
