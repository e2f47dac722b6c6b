"""RMSE, MAE and 1 - R² beside scikit-learn's."""

from __future__ import annotations

from dataclasses import replace
from math import isnan

import pytest
import torch
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error
from torch import Tensor

from kit import task
from kit.data.loading import Batch
from kit.metrics import Prediction, evaluator
from kit.runs.records import MetricValue
from kit.task import Task

NUMBERS: Task = replace(task.find("darcy-flow"), kind="point", outputs=3)


def score(name: str, answers: Tensor, truth: Tensor) -> MetricValue:
    found = evaluator(name, NUMBERS)
    for part in (slice(0, 5), slice(5, 6), slice(6, None)):
        ids = torch.arange(len(truth))[part]
        batch = Batch(x=truth[part], y=truth[part], sample_id=ids, unit_id=ids)
        found.update(Prediction(answers[part], "field"), batch)
    return found.compute()[name]


def flat(values: Tensor) -> Tensor:
    """(samples, outputs, *positions) to (samples and positions, outputs)."""
    return values.movedim(1, -1).flatten(0, -2)


@pytest.mark.parametrize("positions", [(), (4, 2)])
def test_numbers_are_scored_as_scikit_learn_does(positions: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    scale = torch.tensor([1.0, 100.0, 0.01]).view(3, *[1] * len(positions))
    truth = torch.randn(11, 3, *positions, dtype=torch.float64) * scale + scale
    answers = truth + torch.randn_like(truth) * scale
    pair = flat(truth), flat(answers)
    assert score("rmse", answers, truth).value == pytest.approx(root_mean_squared_error(*pair))
    assert score("mae", answers, truth).value == pytest.approx(mean_absolute_error(*pair))
    found = score("one-minus-r2", answers, truth)
    assert found.value == pytest.approx(1 - r2_score(*pair))
    assert (found.n_units, found.n_undefined) == (11, 0)
    assert found.aggregation.endswith("mean over 3 outputs")


def test_an_output_that_never_changes_is_left_out_of_r2_and_counted() -> None:
    torch.manual_seed(0)
    truth = torch.randn(9, 3, dtype=torch.float64)
    truth[:, 1] = 0.1
    answers = truth + torch.randn_like(truth)
    found = score("one-minus-r2", answers, truth)
    assert found.value == pytest.approx(1 - r2_score(truth[:, ::2], answers[:, ::2]))
    assert found.n_undefined == 1
    none = score("one-minus-r2", answers, torch.ones_like(truth))
    assert isnan(none.value or 0.0)
    assert none.n_undefined == 3


@pytest.mark.parametrize("name", ["rmse", "mae", "one-minus-r2"])
def test_an_answer_that_is_no_number_leaves_no_score(name: str) -> None:
    truth = torch.randn(9, 3, dtype=torch.float64)
    answers = truth.clone()
    answers[4, 2] = torch.nan
    found = score(name, answers, truth)
    assert isnan(found.value or 0.0)
    assert found.n_undefined == 1
