"""Evaluators: one module per metric, found by name; each scores a whole set of samples.

A module defines a subclass ``Evaluator`` of the class here. Sums stay on the device until
``compute``.
"""

from __future__ import annotations

import importlib
import pkgutil
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Literal, cast

import torch
from torch import Tensor

from kit.data.loading import Batch
from kit.errors import KitError, unknown
from kit.runs.records import MetricValue
from kit.task import Task

Kind = Literal["logits", "scores", "labels", "field"]


@dataclass(frozen=True)
class Prediction:
    """A method's predictions for a batch, in the task's shape and units.

    Attributes:
        values: the predictions.
        kind: ``logits`` (before softmax or sigmoid), ``scores`` (after), ``labels`` (class numbers
            or 0/1), or ``field`` (real numbers).
    """

    values: Tensor
    kind: Kind


def score(
    value: float, of: Tensor, unit: str, aggregation: str, units: int | None = None
) -> MetricValue:
    """Return a score that is a mean.

    Args:
        value: the score.
        of: what it is the mean of, NaN where it is undefined.
        unit: of the score.
        aggregation: over what it is a mean, in words.
        units: how many were scored; None for one for each of ``of``.
    """
    return MetricValue(
        value=value,
        unit=unit,
        aggregation=aggregation,
        n_units=len(of) if units is None else units,
        n_undefined=int((~of.isfinite()).sum()),
    )


class Evaluator(ABC):
    """Collects predictions over a set and scores them at the end.

    Attributes:
        unit: of the task's samples.
        seen: how many samples were added.
        broken: whether any prediction was NaN, for subclasses that would not see it in the scores.
    """

    def __init__(self, task: Task) -> None:
        self.unit, self.seen, self.broken = task.unit, 0, torch.tensor(False)

    def update(self, prediction: Prediction, batch: Batch) -> None:
        """Add a batch; the subclass's ``_add`` documents the shapes."""
        if len(prediction.values):
            self._add(prediction, batch)
            self.seen += len(prediction.values)

    def compute(self) -> dict[str, MetricValue]:
        """Return the scores by name; the metric's own name first.

        Raises:
            KitError: no sample was added.
        """
        if self.seen == 0:
            raise KitError(f"there is no {self.unit} to score: no batch, or empty ones alone")
        return self._scores()

    def _mean(self, scores: Tensor) -> float:
        """Return the mean of the scores that are defined; NaN if any prediction was NaN."""
        return float("nan") if self.broken else float(scores.nanmean())

    @abstractmethod
    def _add(self, prediction: Prediction, batch: Batch) -> None:
        """Add a batch of at least one sample."""

    @abstractmethod
    def _scores(self) -> dict[str, MetricValue]:
        """Return the scores of all samples, of which there is at least one."""


def evaluator(name: str, task: Task) -> Evaluator:
    """Return a fresh evaluator of that name for a task.

    Raises:
        KitError: the name is unknown; similar names are suggested.
    """
    known = {module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__)}
    if name not in known:
        raise unknown("metric", name, known)
    module = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    return cast(Evaluator, module.Evaluator(task))
