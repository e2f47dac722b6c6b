"""Relative l2: mean over samples of ||prediction - truth|| / ||truth||, in original units."""

from __future__ import annotations

import torch
from torch import Tensor

from kit.data.loading import Batch
from kit.metrics import Prediction
from kit.runs.records import MetricValue
from kit.task import Task


class Evaluator:
    """Relative l2 over a whole set, and as the mean over batches of the released code.

    A sample whose truth is zero everywhere is undefined.
    """

    def __init__(self, task: Task) -> None:
        self.unit = task.unit
        self.ratios: list[Tensor] = []

    def update(self, prediction: Prediction, batch: Batch) -> None:
        """Take in fields (batch, *any)."""
        truth = batch.y.double().flatten(1)
        error = prediction.values.double().reshape(truth.shape) - truth
        self.ratios.append(error.norm(dim=1) / truth.norm(dim=1))

    def compute(self) -> dict[str, MetricValue]:
        """Return ``relative-l2`` and its mean over batches."""
        batches = torch.stack([ratios.mean() for ratios in self.ratios])
        return {
            "relative-l2": _mean(torch.cat(self.ratios), f"mean over {self.unit}s"),
            "relative-l2/batch-mean": _mean(batches, "mean over batches"),
        }


def _mean(ratios: Tensor, aggregation: str) -> MetricValue:
    return MetricValue(
        value=float(ratios.mean()),
        unit="fraction",
        aggregation=aggregation,
        n_units=len(ratios),
        n_undefined=int((~ratios.isfinite()).sum()),
    )
