"""1 - AUROC: one minus the area under the ROC curve, over the whole set.

Several labels: the mean over the labels. A dense task: one curve over the pooled positions, those
outside the mask left out. A label without positives or without negatives has no curve.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kit.data.loading import Batch
from kit.errors import KitError
from kit.metrics import Evaluator as Base
from kit.metrics import Prediction, score
from kit.metrics.false_negative_rate import Counts
from kit.runs.records import MetricValue
from kit.task import Task


def auroc(scores: Tensor, truth: Tensor) -> Tensor:
    """Return the area under the ROC curve; ties count half.

    Args:
        scores: (samples,), larger where a sample is more probably positive.
        truth: (samples,) booleans.

    Returns:
        A scalar of doubles, NaN without positives, without negatives, or with a NaN score.
    """
    ordered, order = scores.sort()
    _, group, sizes = ordered.unique_consecutive(return_inverse=True, return_counts=True)
    # Tied scores share the mean of their ranks (Mann and Whitney's statistic).
    ranks = sizes.cumsum(0).double() - (sizes.double() - 1) / 2
    positives = truth.sum().double()
    negatives = len(truth) - positives
    area = ranks[group[truth[order]]].sum() - positives * (positives + 1) / 2
    return torch.where(scores.isnan().any(), torch.nan, area / (positives * negatives))


class Evaluator(Base):
    """1 - AUROC over a whole set, and as a mean over the batches as they come.

    Also, for a dense task, the form of NAS-Bench-360's released code: of predictions cut at a logit
    of one half, without the mask, it is (FNR + FPR) / 2.
    """

    def __init__(self, task: Task) -> None:
        if task.kind == "point":
            raise KitError(f"one-minus-auroc needs labels or a map, which {task.name} has not")
        super().__init__(task)
        self.dense = task.kind == "dense"
        self.scores: list[Tensor] = []
        self.truth: list[Tensor] = []
        self.batches: list[Tensor] = []
        self.cut = Counts()

    def _add(self, prediction: Prediction, batch: Batch) -> None:
        """Add logits or scores: (batch, labels), or the shape of the targets."""
        values = prediction.values.detach()
        values = values if values.dtype == torch.float64 else values.float()
        truth = batch.y.reshape(values.shape) > 0.5
        if self.dense:
            self.cut.add(prediction, truth, 0.5)
            counted = torch.ones_like(truth) if batch.mask is None else batch.mask.bool()
            counted = counted.reshape(truth.shape)
            values, truth = values[counted][:, None], truth[counted][:, None]
        self.scores.append(values)
        self.truth.append(truth)
        self.batches.append(_areas(values, truth).nanmean())

    def _scores(self) -> dict[str, MetricValue]:
        """Return ``one-minus-auroc``, its mean over batches, and ``binarised`` for a dense task."""
        scores, truth = torch.cat(self.scores), torch.cat(self.truth)
        areas, batches = _areas(scores, truth), torch.stack(self.batches)
        self.broken = scores.isnan().any()
        pooled = "pooled over the positions of all" if self.dense else "mean over labels, over all"
        values = {
            "one-minus-auroc": self._value(areas, f"{pooled} {self.unit}s", self.seen),
            "one-minus-auroc/batch-mean": self._value(batches, "mean over batches", len(batches)),
        }
        if self.dense:
            # The curve of predictions that are only 0 or 1 has a single corner.
            area = 1 - 0.5 * (self.cut.false_negative_rate + self.cut.false_positive_rate)
            values["one-minus-auroc/binarised"] = self._value(
                area[None], f"{pooled} {self.unit}s, cut, not masked", self.seen
            )
        return values

    def _value(self, areas: Tensor, aggregation: str, units: int) -> MetricValue:
        return score(1.0 - self._mean(areas), areas, "fraction", aggregation, units)


def _areas(scores: Tensor, truth: Tensor) -> Tensor:
    """Return the area of each label; (samples, labels) -> (labels,)."""
    columns = zip(scores.unbind(1), truth.unbind(1), strict=True)
    return torch.stack([auroc(score, label) for score, label in columns])
