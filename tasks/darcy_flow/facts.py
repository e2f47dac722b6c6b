"""Published facts about Darcy Flow: counts, the coefficient's two values, the boundary."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kit.data.facts import Fact, fact, known, sizes
from kit.data.prepared import Prepared
from kit.task import Task


def facts(task: Task, data: Prepared) -> Iterator[Fact]:
    """Yield sizes, the coefficient's values, the pressure on the boundary, and FNO's score."""
    yield from sizes(task, data)
    values = tuple(np.unique(np.asarray(data.array("x"))).tolist())
    shown = values if len(values) <= 4 else (min(values), max(values))
    yield fact("values of the coefficient", (3.0, 12.0), shown, where="NAS-Bench-360")
    u = np.asarray(data.array("y"))
    edges = (u[..., 0, :], u[..., -1, :], u[..., :, 0], u[..., :, -1])
    largest = max(float(np.abs(edge).max()) for edge in edges)
    yield fact("largest pressure on the boundary", 0.0, largest, within=1e-6, where="the equation")
    yield known("FNO's relative l2", "0.008", "both papers")
