"""Evaluators: one module per metric, found by name; each scores the whole set.

A module has its own ``Evaluator``, derived from the one here. Sums stay on the device until
``compute``.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal, cast

from torch import Tensor

from kit.data.loading import Batch
from kit.errors import KitError, unknown
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


class Evaluator(ABC):
    """Collects predictions over a set and scores them at the end."""

    def __init__(self, task: Task) -> None:
        self.unit, self.seen = task.unit, 0

    def update(self, prediction: Prediction, batch: Batch) -> None:
        """Take in one batch; the evaluator says in which shapes."""
        if len(prediction.values):
            self._add(prediction, batch)
            self.seen += len(prediction.values)

    def compute(self) -> dict[str, MetricValue]:
        """Return the scores by name; the metric's own name first.

        Raises:
            KitError: there was nothing to score.
        """
        if self.seen == 0:
            raise KitError(f"there is no {self.unit} to score: no batch, or empty ones alone")
        return self._scores()

    @abstractmethod
    def _add(self, prediction: Prediction, batch: Batch) -> None:
        """Take in one batch."""

    @abstractmethod
    def _scores(self) -> dict[str, MetricValue]:
        """Return the scores of what was taken in, which is not nothing."""


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
