"""Boosting round by round, so that it can be interrupted after any of them."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
import xgboost
from torch import Tensor

from kit.errors import KitError
from kit.files import write_bytes
from kit.seeding import generator
from kit.training.checkpointer import Checkpointer


class Ensemble:
    """Trees, and the score that decides how many of them are kept. A ``Stateful`` of a stage.

    Args:
        parameters: as ``xgboost.train`` takes them: objective, depth, learning rate.
        data: training data, which decides on the bins of features.
    """

    def __init__(self, parameters: Mapping[str, Any], data: xgboost.DMatrix) -> None:
        self.parameters = dict(parameters)
        self.booster = xgboost.Booster(self.parameters, [data])
        self.best, self.best_round = math.inf, 0

    def boost(
        self,
        checkpointer: Checkpointer,
        data: xgboost.DMatrix,
        validation: xgboost.DMatrix,
        *,
        rounds: int,
        patience: int,
        share: float,
    ) -> None:
        """Add trees until the validation score has not improved for ``patience`` rounds.

        Args:
            checkpointer: keeps the checkpoint and the history.
            data: that the trees are fitted to.
            validation: scored after each round, by the metric of the parameters.
            rounds: largest number, those before the checkpoint included.
            patience: in rounds; 0 for no limit.
            share: of the rows that the trees of a round see. XGBoost's own draws would depend on
                where a run was interrupted.

        Raises:
            KitError: the share is of less than a row.
        """
        rows = data.num_row()
        if share * rows < 1:
            raise KitError(
                f"subsample = {share:g} leaves no row of {rows} to a round of trees; "
                f"make it at least 1 / {rows}"
            )
        for number in range(checkpointer.resume({"trees": self}), rounds):
            if 0 < patience <= number - 1 - self.best_round:
                break
            draw = generator(checkpointer.spec.seed, *checkpointer.stream, number)
            numbers = draw.random(rows)
            seen = numbers < share
            # Chance may leave no row. XGBoost takes that for a round without effect, but not in the
            # first one, whose trees begin from a mean, nor for classes: there one row is kept.
            if not seen.any() and (number == 0 or "num_class" in self.parameters):
                seen[numbers.argmin()] = True
            data.set_weight(seen.astype(np.float32))
            self.booster.update(data, number)
            score = self._score(validation, number)
            if score < self.best:
                self.best, self.best_round = score, number
            checkpointer.end_epoch(number, rounds, {"trees": self}, loss=score)

    def kept(self) -> xgboost.Booster:
        """Return the trees up to the best round."""
        return self.booster[: self.best_round + 1]

    def _score(self, validation: xgboost.DMatrix, number: int) -> float:
        line = self.booster.eval(validation, iteration=number)
        return float(line.rpartition(":")[2])

    def state_dict(self) -> dict[str, Any]:
        """Return the trees in XGBoost's own binary JSON, as bytes in a tensor."""
        raw = np.frombuffer(self.booster.save_raw("ubj"), dtype=np.uint8)
        trees = torch.from_numpy(raw.copy())
        return {"trees": trees, "best": self.best, "round": self.best_round}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Restore what ``state_dict`` returned; parameters are not part of it."""
        self.booster.load_model(bytearray(state["trees"].numpy()))
        self.booster.set_param(self.parameters)
        self.best, self.best_round = state["best"], state["round"]


def save(booster: xgboost.Booster, path: Path) -> None:
    """Write trees in XGBoost's own format, atomically."""
    write_bytes(path, bytes(booster.save_raw("ubj")))


def load(path: Path) -> xgboost.Booster:
    """Read what ``save`` wrote, for predictions on the CPU."""
    booster = xgboost.Booster({"nthread": torch.get_num_threads()})
    booster.load_model(bytearray(path.read_bytes()))
    return booster


def predict(booster: xgboost.Booster, x: Tensor) -> Tensor:
    """Return the predictions for rows of features: probabilities, or values."""
    return torch.from_numpy(booster.inplace_predict(x.cpu().numpy())).to(x.device)
