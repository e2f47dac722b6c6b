"""False-negative rate: the share of positive positions that a prediction misses, in per cent."""

from __future__ import annotations

import math

import torch
from torch import Tensor

from kit.data.loading import Batch
from kit.metrics import Evaluator as Base
from kit.metrics import Prediction, score
from kit.runs.records import MetricValue
from kit.task import Task


class Counts:
    """True and false positives and negatives of predictions cut at a logit, summed over a set."""

    def __init__(self) -> None:
        self.table = torch.zeros(2, 2, dtype=torch.int64)

    def add(
        self, prediction: Prediction, truth: Tensor, logit: float, mask: Tensor | None = None
    ) -> None:
        """Count a batch; values above the logit, or above its sigmoid if scores, are positive."""
        values = prediction.values.detach().reshape(truth.shape)
        positive = values > (logit if prediction.kind == "logits" else 1 / (1 + math.exp(-logit)))
        if mask is not None:
            counted = mask.bool().reshape(truth.shape)
            positive, truth = positive[counted], truth[counted]
        cells = 2 * truth.flatten().long() + positive.flatten().long()
        self.table = self.table.to(cells.device) + cells.bincount(minlength=4).reshape(2, 2)

    @property
    def false_negative_rate(self) -> Tensor:
        """Return FN / (TP + FN), NaN without positives."""
        return self.table[1, 0].double() / self.table[1].sum()

    @property
    def false_positive_rate(self) -> Tensor:
        """Return FP / (FP + TN), NaN without negatives."""
        return self.table[0, 1].double() / self.table[0].sum()


class Evaluator(Base):
    """False-negative rate at a probability of one half, pooled over the unmasked positions.

    Also the two forms of released code: the mean over batches (DASH), and the rate at a *logit* of
    one half with ignored positions counted in (NAS-Bench-360).
    """

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.pooled, self.released = Counts(), Counts()
        self.batches: list[Tensor] = []

    def _add(self, prediction: Prediction, batch: Batch) -> None:
        """Take in logits or scores in the shape of the targets."""
        truth = batch.y > 0.5
        one = Counts()
        one.add(prediction, truth, 0.0, batch.mask)
        self.pooled.table = self.pooled.table.to(one.table.device) + one.table
        self.released.add(prediction, truth, 0.5)
        self.batches.append(one.false_negative_rate)
        self.broken = self.broken | prediction.values.isnan().any()

    def _scores(self) -> dict[str, MetricValue]:
        """Return ``false-negative-rate`` and the two released forms of it."""
        name, positions = "false-negative-rate", f"pooled over the positions of all {self.unit}s"
        batches = torch.stack(self.batches)
        return {
            name: self._value(self.pooled.false_negative_rate[None], positions, self.seen),
            f"{name}/batch-mean": self._value(batches, "mean over batches", len(batches)),
            f"{name}/logit-half": self._value(
                self.released.false_negative_rate[None], f"{positions}, not masked", self.seen
            ),
        }

    def _value(self, rates: Tensor, aggregation: str, units: int) -> MetricValue:
        return score(100.0 * self._mean(rates), rates, "%", aggregation, units)
