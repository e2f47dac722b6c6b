"""MAE8: mean absolute error of distances up to 8 angstrom between residues far apart in sequence.

Per protein over the pairs p < q with q - p >= 24 and a true distance of at most 8; then the mean
over the proteins that have such a pair (the ``mae_lr_d8`` of the code that both papers use).
"""

from __future__ import annotations

import torch
from torch import Tensor

from kit.data.loading import Batch
from kit.metrics import Evaluator as Base
from kit.metrics import Prediction, score
from kit.runs.records import MetricValue
from kit.task import Task

SEPARATION = 24
DISTANCE = 8.0
# In angstrom; the released code raises shorter predictions to this.
SHORTEST = 0.01


def pairs(batch: Batch) -> Tensor:
    """Return booleans (batch, side, side): the entries on which a protein is scored.

    The mask tells which entries belong to the protein; without one, ``length`` tells the size of
    its map, in the upper left corner. Without either the whole map counts.
    """
    truth = batch.y.reshape(len(batch.y), *batch.y.shape[-2:])
    chosen = (truth > 0) & (truth <= DISTANCE)
    position = torch.arange(truth.shape[-1], device=truth.device)
    chosen &= position[None, :] - position[:, None] >= SEPARATION
    if batch.mask is not None:
        chosen &= batch.mask.bool().reshape(truth.shape)
    elif batch.length is not None:
        inside = position < batch.length.reshape(-1, 1)
        chosen &= inside[:, :, None] & inside[:, None, :]
    return chosen


class Evaluator(Base):
    """MAE8 of the symmetric mean of a predicted map and its transpose.

    Also as released: the map is made symmetric in two steps, of which the second reads entries that
    the first has changed, so that the lower triangle weighs three quarters.
    """

    def __init__(self, task: Task) -> None:
        super().__init__(task)
        self.even: list[Tensor] = []
        self.released: list[Tensor] = []
        self.batches: list[Tensor] = []

    def _add(self, prediction: Prediction, batch: Batch) -> None:
        """Add distance maps (batch, 1, side, side) in angstrom, padded as the targets are."""
        chosen = pairs(batch)
        truth = batch.y.reshape(chosen.shape).double()
        upper = prediction.values.detach().reshape(chosen.shape).double()
        lower = upper.mT
        self.broken = self.broken | upper.isnan().any()
        even = 0.5 * (upper.clamp(min=SHORTEST) + lower.clamp(min=SHORTEST))
        first = (0.5 * (upper + lower)).clamp(min=SHORTEST)
        self.even.append(_errors(even, truth, chosen))
        self.released.append(_errors(0.5 * (first + lower.clamp(min=SHORTEST)), truth, chosen))
        self.batches.append(self.released[-1].nanmean())

    def _scores(self) -> dict[str, MetricValue]:
        """Return ``mae8`` and the released forms of it."""
        proteins = f"mean over {self.unit}s"
        return {
            "mae8": self._value(torch.cat(self.even), proteins),
            "mae8/released-symmetry": self._value(torch.cat(self.released), proteins),
            "mae8/batch-mean": self._value(torch.stack(self.batches), "mean over batches"),
        }

    def _value(self, errors: Tensor, aggregation: str) -> MetricValue:
        return score(self._mean(errors), errors, "angstrom", aggregation)


def _errors(distances: Tensor, truth: Tensor, chosen: Tensor) -> Tensor:
    """Return the mean absolute error of each map, NaN where nothing is chosen."""
    errors = (distances - truth).abs().where(chosen, 0.0)
    return errors.sum(dim=(1, 2)) / chosen.sum(dim=(1, 2))
