"""0-1 error: the share of samples whose most probable class is not the true one, in per cent."""

from __future__ import annotations

import torch
from torch import Tensor

from kit.data.loading import Batch
from kit.metrics import Evaluator as Base
from kit.metrics import Prediction, score
from kit.runs.records import MetricValue
from kit.task import Task


class Evaluator(Base):
    """0-1 error over a whole set, and as the mean over batches of DASH's released code.

    There a smaller last batch counts as much as the others.
    """

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.wrong: list[Tensor] = []

    def _add(self, prediction: Prediction, batch: Batch) -> None:
        """Add labels (batch,), or logits or scores (batch, classes)."""
        values = prediction.values
        if prediction.kind == "labels":
            wrong = (values != batch.y).double()
        else:
            wrong = (values.argmax(dim=1) != batch.y).double()
            # Where a value is NaN, no class is the most probable.
            wrong = wrong.masked_fill(values.isnan().any(dim=1), torch.nan)
        self.wrong.append(wrong)

    def _scores(self) -> dict[str, MetricValue]:
        """Return ``zero-one-error`` and its mean over batches."""
        batches = torch.stack([wrong.mean() for wrong in self.wrong])
        return {
            "zero-one-error": _percent(torch.cat(self.wrong), f"mean over {self.unit}s"),
            "zero-one-error/batch-mean": _percent(batches, "mean over batches"),
        }


def _percent(wrong: Tensor, aggregation: str) -> MetricValue:
    return score(100.0 * float(wrong.mean()), wrong, "%", aggregation)
