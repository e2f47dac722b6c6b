"""1 - mIoU: one minus the mean over classes of intersection over union, all positions together."""

from __future__ import annotations

import torch
from torch import Tensor

from kit.data.loading import Batch
from kit.metrics import Evaluator as Base
from kit.metrics import Prediction, score
from kit.runs.records import MetricValue
from kit.task import Task


class Evaluator(Base):
    """One minus the mean IoU over the classes that are true or predicted at any position."""

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.classes = task.outputs
        self.counts: list[Tensor] = []

    def _add(self, prediction: Prediction, batch: Batch) -> None:
        """Add classes (batch, *spatial), or logits or scores (batch, classes, *spatial)."""
        values = prediction.values.detach()
        if prediction.kind != "labels":
            self.broken = self.broken | values.isnan().any()
            values = values.argmax(dim=1)
        pairs = (batch.y.long() * self.classes + values.long()).flatten()
        self.counts.append(pairs.bincount(minlength=self.classes**2))

    def _scores(self) -> dict[str, MetricValue]:
        """Return ``one-minus-miou``."""
        table = torch.stack(self.counts).sum(0).reshape(self.classes, self.classes).double()
        both = table.diagonal()
        shares = both / (table.sum(0) + table.sum(1) - both)
        over = f"mean over classes, over all positions of all {self.unit}s"
        mean = 1.0 - self._mean(shares)
        return {"one-minus-miou": score(mean, shares, "fraction", over, self.seen)}
