"""0-1 error: the share of samples whose most probable class is not the true one, in per cent."""

from __future__ import annotations

import torch
from torch import Tensor

from kit.data.loading import Batch
from kit.metrics import Prediction
from kit.runs.records import MetricValue
from kit.task import Task


class Evaluator:
    """0-1 error over a whole set."""

    def __init__(self, task: Task) -> None:
        self.unit = task.unit
        self.wrong: list[Tensor] = []

    def update(self, prediction: Prediction, batch: Batch) -> None:
        """Take in labels (batch,), or logits or scores (batch, classes)."""
        labels = prediction.values
        if prediction.kind != "labels":
            labels = labels.argmax(dim=1)
        self.wrong.append(labels != batch.y)

    def compute(self) -> dict[str, MetricValue]:
        """Return ``zero-one-error``."""
        wrong = torch.cat(self.wrong)
        value = MetricValue(
            value=100.0 * float(wrong.double().mean()),
            unit="%",
            aggregation=f"mean over {self.unit}s",
            n_units=len(wrong),
            n_undefined=0,
        )
        return {"zero-one-error": value}
