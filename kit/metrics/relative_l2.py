"""Relative l2: mean over samples of ||prediction - truth|| / ||truth||, in original units."""

from __future__ import annotations

import torch
from torch import Tensor

from kit.data.loading import Batch
from kit.metrics import Evaluator as Base
from kit.metrics import Prediction, score
from kit.runs.records import MetricValue
from kit.task import Task


class Evaluator(Base):
    """Relative l2 over a whole set, and as the mean over batches of the released code.

    A sample whose truth is zero everywhere is undefined.
    """

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.ratios: list[Tensor] = []
        self.by_prediction: list[Tensor] = []

    def _add(self, prediction: Prediction, batch: Batch) -> None:
        """Add fields (batch, *any)."""
        truth = batch.y.double().flatten(1)
        answer = prediction.values.double().reshape(truth.shape)
        error = (answer - truth).norm(dim=1)
        self.ratios.append(error / truth.norm(dim=1))
        self.by_prediction.append(error / answer.norm(dim=1))

    def _scores(self) -> dict[str, MetricValue]:
        """Return ``relative-l2`` and the released forms of it.

        The released code of XGBoost exchanges the arguments, and divides by the prediction.
        """
        batches = torch.stack([ratios.mean() for ratios in self.ratios])
        samples = f"mean over {self.unit}s"
        return {
            "relative-l2": _mean(torch.cat(self.ratios), samples),
            "relative-l2/by-prediction": _mean(torch.cat(self.by_prediction), samples),
            "relative-l2/batch-mean": _mean(batches, "mean over batches"),
        }


def _mean(ratios: Tensor, aggregation: str) -> MetricValue:
    return score(float(ratios.mean()), ratios, "fraction", aggregation)
