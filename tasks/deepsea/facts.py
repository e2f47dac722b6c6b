"""Published facts about DeepSEA: sizes, labels, and the numbers of sequences with any label."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kit.data.facts import Fact, fact, sizes
from kit.data.prepared import Prepared
from kit.task import Task


def facts(task: Task, data: Prepared) -> Iterator[Fact]:
    """Yield sizes, labels and sequences with any label; NAS-Bench-360 prints 250K for their sum."""
    yield from sizes(task, data)
    y = np.asarray(data.array("y"))
    yield fact("labels", task.outputs, y.shape[1])
    yield fact("labels that some sequence has", task.outputs, int(y.any(axis=0).sum()))
    assert task.about is not None, "both papers print its sizes"
    for name, size in task.about.sizes.items():
        labelled = int(y[data.fold(name)].any(axis=1).sum())
        where = "inferred from shares"
        yield fact(f"sequences of {name} with a label", size, labelled, where=where)
    yield fact("sequences together", 223_643, len(y), where="NAS-Bench-360")
