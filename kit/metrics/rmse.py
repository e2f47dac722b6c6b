"""RMSE: the root of the mean squared error, in the task's units; base class of similar metrics."""

from __future__ import annotations

import torch
from torch import Tensor

from kit.data.loading import Batch
from kit.metrics import Evaluator as Base
from kit.metrics import Prediction
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
        self.answers.append(prediction.values.double().reshape(truth.shape))

    def errors(self) -> tuple[Tensor, Tensor]:
        """Return errors and truth, each (outputs, samples or positions)."""
        answers, truth = (
            torch.cat(part).movedim(1, 0).flatten(1) for part in (self.answers, self.truth)
        )
        return answers - truth, truth

    def value(
        self, by_output: Tensor, unit: str, defined: Tensor | slice = slice(None)
    ) -> MetricValue:
        """Return the mean of the scores (outputs,) that are defined; NaN if none is."""
        scores = by_output[defined]
        of = "" if self.outputs == 1 else f", mean over {self.outputs} outputs"
        return MetricValue(
            value=float(scores.mean()),
            unit=unit,
            aggregation=f"over all {self.unit}s{of}",
            n_units=self.seen,
            n_undefined=self.outputs - int(scores.isfinite().sum()),
        )


class Evaluator(Errors):
    """The root of the mean squared error."""

    def _scores(self) -> dict[str, MetricValue]:
        """Return ``rmse``."""
        error, _ = self.errors()
        return {"rmse": self.value(error.square().mean(1).sqrt(), "units of y")}
