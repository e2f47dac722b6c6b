"""1 - F1: one minus the mean over classes of the F1 score, of units (records) by majority vote."""

from __future__ import annotations

import torch
from torch import Tensor

from kit.data.loading import Batch
from kit.metrics import Evaluator as Base
from kit.metrics import Prediction, score
from kit.runs.records import MetricValue
from kit.task import Task

# The PhysioNet/CinC 2017 challenge leaves its fourth class, noise, out of the mean.
CHALLENGE_CLASSES = 3


def f1_scores(labels: Tensor, truth: Tensor, classes: int) -> Tensor:
    """Return the F1 score of each class: 2 TP / (2 TP + FP + FN).

    Args:
        labels: (samples,) predicted classes.
        truth: (samples,) true classes.
        classes: how many there are.

    Returns:
        (classes,) doubles, NaN for a class that is neither predicted nor true anywhere.
    """
    table = (truth * classes + labels).bincount(minlength=classes * classes)
    table = table.reshape(classes, classes).double()
    return 2 * table.diagonal() / (table.sum(0) + table.sum(1))


def majority(labels: Tensor, units: Tensor, classes: int) -> tuple[Tensor, Tensor]:
    """Return the sorted units, and the most frequent label of each; the lowest one of ties."""
    distinct, row = units.unique(return_inverse=True)
    votes = (row * classes + labels).bincount(minlength=len(distinct) * classes)
    return distinct, votes.reshape(len(distinct), classes).argmax(dim=1)


class Evaluator(Base):
    """1 - F1 by majority vote.

    Also over single samples, as a mean over batches, and on ECG over the challenge's classes.
    """

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.classes, self.challenge = task.outputs, "challenge" in task.forms
        self.labels: list[Tensor] = []
        self.truth: list[Tensor] = []
        self.units: list[Tensor] = []
        self.batches: list[Tensor] = []

    def _add(self, prediction: Prediction, batch: Batch) -> None:
        """Add labels (batch,), or logits or scores (batch, classes)."""
        labels = prediction.values.detach()
        if prediction.kind != "labels":
            self.broken = self.broken | labels.isnan().any()
            labels = labels.argmax(dim=1)
        self.labels.append(labels.long())
        self.truth.append(batch.y.long())
        self.units.append(batch.unit_id)
        self.batches.append(f1_scores(self.labels[-1], self.truth[-1], self.classes).nanmean())

    def _scores(self) -> dict[str, MetricValue]:
        """Return ``one-minus-f1`` and its other forms."""
        labels, truth, units = (torch.cat(part) for part in (self.labels, self.truth, self.units))
        voters, voted = majority(labels, units, self.classes)
        # All samples of a unit have its class, so that the vote on the truth is unanimous.
        scores = f1_scores(voted, majority(truth, units, self.classes)[1], self.classes)
        name, by_vote = "one-minus-f1", f"mean over classes, {self.unit}s by majority vote"
        values = {name: self._value(scores, by_vote, len(voters))}
        if self.challenge:
            first = scores[:CHALLENGE_CLASSES]
            values[f"{name}/challenge"] = self._value(
                first, f"mean over the first three classes, {self.unit}s by vote", len(voters)
            )
        single = f1_scores(labels, truth, self.classes)
        batches = torch.stack(self.batches)
        return values | {
            f"{name}/samples": self._value(single, "mean over classes, all samples", len(labels)),
            f"{name}/batch-mean": self._value(batches, "mean over batches", len(batches)),
        }

    def _value(self, scores: Tensor, aggregation: str, units: int) -> MetricValue:
        return score(1.0 - self._mean(scores), scores, "fraction", aggregation, units)
