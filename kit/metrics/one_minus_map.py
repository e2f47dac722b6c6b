"""1 - mAP: one minus the mean over labels of the average precision, over the whole set.

A unit (a clip) may have several samples: it is ranked by the mean of their logits.
"""

from __future__ import annotations

import torch
from torch import Tensor

from kit.data.loading import Batch
from kit.metrics import Evaluator as Base
from kit.metrics import Prediction, score
from kit.runs.records import MetricValue
from kit.task import Task

# Most rows to hold before those of the same unit are added up, which bounds memory.
WAITING = 100_000


def average_precision(scores: Tensor, truth: Tensor) -> Tensor:
    """Return the sum over thresholds of (gain of recall) x precision; ties share a threshold.

    Args:
        scores: (samples,), larger where a sample is more probably positive.
        truth: (samples,) booleans.

    Returns:
        A scalar of doubles, NaN without positives or with a NaN score.
    """
    ordered, order = scores.sort(descending=True)
    _, sizes = ordered.unique_consecutive(return_counts=True)
    last = sizes.cumsum(0) - 1
    hits = truth[order].cumsum(0)[last].double()
    gained = hits.diff(prepend=hits.new_zeros(1))
    precision = (gained * hits / (last + 1)).sum() / hits[-1]
    return torch.where(scores.isnan().any(), torch.nan, precision)


class Evaluator(Base):
    """1 - mAP over the units of a whole set; a label without positives has no precision.

    On FSD50K also with the arguments exchanged, as in the released code of XGBoost: the labels rank
    the predictions, cut at one half. A label that is never predicted then counts as 0.
    """

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.rows: list[tuple[Tensor, Tensor, Tensor, Tensor]] = []
        self.waiting, self.logits, self.exchanged = 0, False, "exchanged" in task.forms

    def _add(self, prediction: Prediction, batch: Batch) -> None:
        """Add logits or scores (batch, labels); the samples of a unit may come in any order."""
        values = prediction.values.detach().double()
        ones = torch.ones_like(batch.unit_id, dtype=torch.float64)
        self.rows.append((batch.unit_id, values, batch.y > 0.5, ones))
        self.logits = prediction.kind == "logits"
        self.waiting += len(values)
        if self.waiting >= WAITING:
            self.rows, self.waiting = [self._merged()], 0

    def _merged(self) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Return units, sums of values, labels and counts, one row for each unit."""
        ids, values, truth, counts = (torch.cat(part) for part in zip(*self.rows, strict=True))
        units, row = ids.unique(return_inverse=True)
        sums = values.new_zeros(len(units), values.shape[1]).index_add_(0, row, values)
        labels = torch.zeros_like(sums, dtype=torch.bool)
        labels[row] = truth
        return units, sums, labels, counts.new_zeros(len(units)).index_add_(0, row, counts)

    def _scores(self) -> dict[str, MetricValue]:
        """Return ``one-minus-map`` and, on FSD50K, the released form of it."""
        units, sums, truth, counts = self._merged()
        means = sums / counts[:, None]
        # Logits are ranked as they are: rounding in a sigmoid could make or break ties.
        precisions = _precisions(means, truth)
        self.broken = means.isnan().any()
        over = f"mean over labels, over all {self.unit}s"
        plain = self._mean(precisions)
        found = {"one-minus-map": score(1.0 - plain, precisions, "fraction", over, len(units))}
        if self.exchanged:
            other = _precisions(truth.double(), means > (0.0 if self.logits else 0.5))
            released = self._mean(other.nan_to_num(0.0))
            found["one-minus-map/exchanged"] = score(
                1.0 - released, other, "fraction", over, len(units)
            )
        return found


def _precisions(scores: Tensor, truth: Tensor) -> Tensor:
    """Return the average precision of each label; (samples, labels) -> (labels,)."""
    columns = zip(scores.unbind(1), truth.unbind(1), strict=True)
    return torch.stack([average_precision(score, label) for score, label in columns])
