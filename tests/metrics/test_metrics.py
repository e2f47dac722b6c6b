from __future__ import annotations

import pkgutil
from dataclasses import replace
from typing import Literal

import pytest
import torch

from kit import metrics, task
from kit.data.loading import Batch
from kit.errors import KitError
from kit.metrics import Prediction, evaluator

DARCY = task.find("darcy-flow")


def batch(y: torch.Tensor) -> Batch:
    ids = torch.arange(len(y))
    return Batch(x=y, y=y, sample_id=ids, unit_id=ids)


def test_relative_l2_is_a_mean_over_samples_not_over_batches() -> None:
    truth = torch.rand(7, 1, 5, 5) + 0.1
    guess = truth + 0.1 * torch.randn_like(truth)
    ratios = [float((g - t).norm() / t.norm()) for g, t in zip(guess, truth, strict=True)]
    found = evaluator("relative-l2", DARCY)
    for part in (slice(0, 5), slice(5, 7)):
        found.update(Prediction(guess[part], "field"), batch(truth[part]))
    values = found.compute()
    value = values["relative-l2"]
    assert value.value == pytest.approx(sum(ratios) / 7, rel=1e-6)
    assert (value.n_units, value.n_undefined) == (7, 0)
    released = sum(ratios[:5]) / 10 + sum(ratios[5:]) / 4
    assert values["relative-l2/batch-mean"].value == pytest.approx(released, rel=1e-6)
    exchanged = [float((g - t).norm() / g.norm()) for g, t in zip(guess, truth, strict=True)]
    assert values["relative-l2/by-prediction"].value == pytest.approx(sum(exchanged) / 7, rel=1e-6)


def test_relative_l2_of_a_zero_field_is_undefined_and_counted() -> None:
    truth = torch.stack([torch.zeros(1, 3, 3), torch.ones(1, 3, 3)])
    found = evaluator("relative-l2", DARCY)
    found.update(Prediction(truth, "field"), batch(truth))
    value = found.compute()["relative-l2"]
    assert value.n_undefined == 1
    assert value.value is not None
    assert value.value != value.value


def test_zero_one_error_of_logits_and_labels() -> None:
    logits = torch.tensor([[2.0, 1.0], [0.0, 1.0], [3.0, 1.0], [1.0, 5.0]])
    truth = torch.tensor([0, 1, 1, 1])
    for prediction in (Prediction(logits, "logits"), Prediction(logits.argmax(1), "labels")):
        found = evaluator("zero-one-error", DARCY)
        found.update(prediction, batch(truth))
        assert found.compute()["zero-one-error"].value == 25.0
        found.update(Prediction(torch.tensor([0]), "labels"), batch(torch.tensor([1])))
        assert found.compute()["zero-one-error/batch-mean"].value == 62.5


def test_zero_one_error_of_a_logit_that_is_no_number_is_undefined() -> None:
    found = evaluator("zero-one-error", DARCY)
    found.update(Prediction(torch.tensor([[1.0, torch.nan]]), "logits"), batch(torch.tensor([1])))
    value = found.compute()["zero-one-error"]
    assert value.n_undefined == 1
    assert value.value is not None
    assert value.value != value.value


def test_unknown_metric_gets_near_names() -> None:
    with pytest.raises(KitError, match="did you mean 'relative-l2'"):
        evaluator("relative-l3", DARCY)


@pytest.mark.parametrize(
    "name", sorted(each.name for each in pkgutil.iter_modules(metrics.__path__))
)
@pytest.mark.parametrize("batches", [0, 1])
def test_nothing_to_score_is_one_line(name: str, batches: int) -> None:
    """Neither no batch nor an empty one has a score."""
    dense = name in ("one_minus_auroc", "false_negative_rate", "mae8")
    found = metrics.evaluator(
        name.replace("_", "-"), replace(task.find("darcy-flow"), kind="dense" if dense else "point")
    )
    for _ in range(batches):
        none = torch.empty(0, dtype=torch.long)
        y = torch.empty(0, 1, 8, 8)
        batch = Batch(x=y, y=y, sample_id=none, unit_id=none)
        found.update(Prediction(torch.empty(0, 1, 8, 8), "logits"), batch)
    with pytest.raises(KitError, match="no sample to score"):
        found.compute()


@pytest.mark.parametrize(
    ("metric", "kind", "form", "on"),
    [
        ("one-minus-f1", "point", "challenge", "ecg"),
        ("one-minus-map", "multi-label", "exchanged", "fsd50k"),
    ],
)
def test_forms_that_mean_something_on_one_task_are_scored_there_alone(
    metric: str, kind: Literal["point", "multi-label"], form: str, on: str
) -> None:
    own = replace(task.find("darcy-flow"), kind=kind, outputs=4, about=None)
    truth = torch.eye(4) if kind == "multi-label" else torch.arange(4)
    for each in (own, replace(task.find(on), outputs=4)):
        scored = evaluator(metric, each)
        scored.update(Prediction(torch.eye(4), "logits"), batch(truth))
        assert (f"{metric}/{form}" in scored.compute()) == (each is not own)
    assert [name for name in task.names() if form in task.find(name).forms] == [on]
