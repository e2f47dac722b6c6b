"""RMSE: the root of the mean squared error, in the task's units; base class of similar metrics."""

from __future__ import annotations

import torch
from torch import Tensor

from kit.data.loading import Batch
from kit.metrics import Evaluator as Base
from kit.metrics import Prediction, score
from kit.runs.records import MetricValue
from kit.task import Task


class Errors(Base):
    """Collects predictions and truth (batch, outputs, *spatial), output by output.

    A score is the mean over outputs; each position of a dense task counts as a sample.
    """

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.outputs = task.outputs
        self.answers: list[Tensor] = []
        self.truth: list[Tensor] = []

    def _add(self, prediction: Prediction, batch: Batch) -> None:
        truth = batch.y.double().reshape(len(batch.y), self.outputs, -1)
        self.truth.append(truth)
        self.broken = self.broken | prediction.values.isnan().any()
        self.answers.append(prediction.values.double().reshape(truth.shape))

    def errors(self) -> tuple[Tensor, Tensor]:
        """Return errors and truth, each (outputs, samples or positions)."""
        answers, truth = (
            torch.cat(part).movedim(1, 0).flatten(1) for part in (self.answers, self.truth)
        )
        return answers - truth, truth

    def value(self, by_output: Tensor, unit: str) -> MetricValue:
        """Return the mean of the scores (outputs,) that are not NaN, as undefined ones are."""
        of = "" if self.outputs == 1 else f", mean over {self.outputs} outputs"
        over = f"over all {self.unit}s{of}"
        return score(self._mean(by_output), by_output, unit, over, self.seen)


class Evaluator(Errors):
    """The root of the mean squared error."""

    def _scores(self) -> dict[str, MetricValue]:
        """Return ``rmse``."""
        error, _ = self.errors()
        return {"rmse": self.value(error.square().mean(1).sqrt(), "units of y")}
