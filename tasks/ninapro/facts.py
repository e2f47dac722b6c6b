"""Published facts about NinaPro: counts, gestures, and the share of the neutral position."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kit.data.facts import Fact, classes, fact, sizes
from kit.data.prepared import Prepared
from kit.task import Task

NEUTRAL = 0.65


def facts(task: Task, data: Prepared) -> Iterator[Fact]:
    """Yield sizes, classes, and whether the neutral position has more than 65 per cent."""
    yield from sizes(task, data)
    y = np.asarray(data.array("y"))
    yield fact("windows together", 3_956, len(y), where="NAS-Bench-360's code")
    yield from classes(task, data)
    share = float((y == 0).mean())
    yield Fact("share of class 0", "> 0.65", f"{share:.4f}", share > NEUTRAL, "NAS-Bench-360")
