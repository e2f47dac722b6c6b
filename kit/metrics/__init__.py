"""Evaluators: one module per metric, found by name; each scores the whole set.

A module has ``Evaluator`` with ``update(prediction, batch)`` and ``compute()``. Sums stay on the
device until ``compute``.
"""

from __future__ import annotations

import importlib
import pkgutil
from dataclasses import dataclass
from typing import Literal, Protocol, cast

from torch import Tensor

from kit.data.loading import Batch
from kit.errors import unknown
from kit.runs.records import MetricValue
from kit.task import Task

Kind = Literal["logits", "scores", "labels", "field"]


@dataclass(frozen=True)
class Prediction:
    """What a method answers for a batch, in the task's own shape and units.

    ``logits`` (before softmax or sigmoid), ``scores`` (after), ``labels`` (hard), or ``field``.
    """

    values: Tensor
    kind: Kind


class Evaluator(Protocol):
    """Collects predictions over a set and scores them at the end."""

    def update(self, prediction: Prediction, batch: Batch) -> None:
        """Take in one batch."""

    def compute(self) -> dict[str, MetricValue]:
        """Return the scores by name; the metric's own name first."""


def evaluator(name: str, task: Task) -> Evaluator:
    """Return a fresh evaluator of that name for a task.

    Raises:
        KitError: there is none; near names are suggested.
    """
    found = {module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)}
    if name not in found:
        raise unknown("metric", name, found)
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    return cast(Evaluator, module.Evaluator(task))
