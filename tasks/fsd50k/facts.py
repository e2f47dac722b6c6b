"""Published facts about FSD50K: clips of each fold, labels, and scores of baselines."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from kit.data.facts import Fact, fact, known, sizes
from kit.data.prepared import Prepared
from kit.task import Task


def facts(task: Task, data: Prepared) -> Iterator[Fact]:
    """Yield sizes, labels, the shape of a chunk, and the known scores of two networks."""
    yield from sizes(task, data)
    y = np.asarray(data.array("y"))
    yield fact("clips together", 51_197, len(y), where="Fonseca et al. 2022")
    yield fact("labels that some clip has", task.outputs, int(y.any(axis=0).sum()))
    yield fact("clips without a label", 0, int((~y.any(axis=1)).sum()))
    yield fact("shape of a chunk", task.sample_shape, data.array("x").shape[1:])
    yield fact("there is background noise", True, data.has("shared-noise"))
    yield known("mAP of the VGG-like baseline", "0.408", "FSD50K's baseline systems")
    yield known("mAP of ResNet-18", "0.400", "FSD50K's baseline systems")
