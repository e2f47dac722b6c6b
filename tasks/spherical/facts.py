"""Published facts about Spherical: counts, classes, and the range of pixels."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kit.data.facts import Fact, classes, fact, sizes
from kit.data.prepared import Prepared
from kit.task import Task

PER_CLASS = 100


def facts(task: Task, data: Prepared) -> Iterator[Fact]:
    """Yield sizes, classes, test images per class, and the range of pixels."""
    yield from sizes(task, data)
    yield from classes(task, data)
    counts = np.bincount(np.asarray(data.array("y"))[data.fold("test")], minlength=task.outputs)
    extremes = int(counts.min()), int(counts.max())
    yield fact("fewest and most test images of a class", (PER_CLASS, PER_CLASS), extremes)
    x = data.array("x")
    yield fact("lowest and highest value", (0, 255), (int(x.min()), int(x.max())))
