"""AUROC and average precision against scikit-learn and torchmetrics."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import average_precision_score, roc_auc_score
from torchmetrics.functional.classification import multilabel_auroc, multilabel_average_precision

from kit import task
from kit.data.loading import Batch
from kit.errors import KitError
from kit.metrics import Kind, Prediction, evaluator
from kit.metrics.one_minus_auroc import auroc
from kit.metrics.one_minus_map import average_precision
from kit.runs.records import MetricValue
from kit.task import Task

DARCY = task.find("darcy-flow")
LABELS = replace(DARCY, kind="multi-label", outputs=4, unit="clip", forms=("exchanged",))
MAP = replace(DARCY, kind="dense", unit="stamp")


def batch(
    y: torch.Tensor, mask: torch.Tensor | None = None, unit: torch.Tensor | None = None
) -> Batch:
    ids = torch.arange(len(y))
    return Batch(x=y, y=y, sample_id=ids, unit_id=ids if unit is None else unit, mask=mask)


def score(
    name: str,
    the_task: Task,
    values: torch.Tensor,
    y: torch.Tensor,
    *,
    mask: torch.Tensor | None = None,
    unit: torch.Tensor | None = None,
    size: int = 1000,
    kind: Kind = "logits",
) -> dict[str, MetricValue]:
    found = evaluator(name, the_task)
    whole = batch(y, mask, unit)
    for start in range(0, len(y), size):
        part = slice(start, start + size)
        found.update(
            Prediction(values[part], kind),
            Batch(
                x=y[part],
                y=y[part],
                sample_id=whole.sample_id[part],
                unit_id=whole.unit_id[part],
                mask=None if mask is None else mask[part],
            ),
        )
    values_by_name = found.compute()
    assert next(iter(values_by_name)) == name
    return values_by_name


def random(count: int, labels: int, ties: int | None) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(count + labels)
    logits = torch.randn(count, labels, generator=generator)
    truth = (logits + 2 * torch.randn(count, labels, generator=generator) > 1).long()
    truth[0], truth[1] = 0, 1
    return (logits if ties is None else (logits * ties).round() / ties), truth


@pytest.mark.parametrize("count", [2, 9, 500])
@pytest.mark.parametrize("ties", [None, 1, 3])
def test_both_against_scikit_learn_and_torchmetrics(count: int, ties: int | None) -> None:
    logits, truth = random(count, 4, ties)
    area = score("one-minus-auroc", LABELS, logits, truth, size=7)["one-minus-auroc"]
    assert area.value == pytest.approx(1 - roc_auc_score(truth, logits, average="macro"), abs=1e-12)
    assert area.value == pytest.approx(1 - float(multilabel_auroc(logits, truth, 4)), abs=1e-6)
    precision = score("one-minus-map", LABELS, logits, truth, size=7)["one-minus-map"]
    theirs = 1 - average_precision_score(truth, logits.double().sigmoid(), average="macro")
    assert precision.value == pytest.approx(theirs, abs=1e-12)
    # torchmetrics leaves ties in the order of sorting, so it is asked where there are none.
    if ties is None:
        other = 1 - float(multilabel_average_precision(logits, truth, 4))
        assert precision.value == pytest.approx(other, abs=1e-6)
    assert (area.n_units, area.n_undefined) == (count, 0)
    assert (precision.n_units, precision.n_undefined) == (count, 0)


def test_the_released_exchange_of_labels_and_answers() -> None:
    logits, truth = random(80, 4, None)
    logits[:, 2] = -1.0  # never answered, and so 0
    found = score("one-minus-map", LABELS, logits, truth, size=7)["one-minus-map/exchanged"]
    answers, some = (logits > 0).long(), [0, 1, 3]
    theirs = average_precision_score(answers[:, some], truth[:, some], average=None)
    assert found.value == pytest.approx(1 - sum(theirs) / 4, abs=1e-12)
    assert found.n_undefined == 1


@pytest.mark.parametrize("constant", [0.0, -50.0])
def test_constant_predictions(constant: float) -> None:
    _, truth = random(50, 4, None)
    logits = torch.full((50, 4), constant)
    assert score("one-minus-auroc", LABELS, logits, truth)["one-minus-auroc"].value == 0.5
    share = truth.double().mean(dim=0).mean()
    found = score("one-minus-map", LABELS, logits, truth)["one-minus-map"].value
    assert found == pytest.approx(1 - float(share))


def test_labels_without_positives_or_negatives_are_counted_not_averaged() -> None:
    logits, truth = random(60, 4, None)
    truth[:, 1], truth[:, 2] = 0, 1
    area = score("one-minus-auroc", LABELS, logits, truth)["one-minus-auroc"]
    both = truth[:, [0, 3]], logits[:, [0, 3]]
    assert area.value == pytest.approx(1 - roc_auc_score(*both), abs=1e-12)
    assert area.n_undefined == 2
    precision = score("one-minus-map", LABELS, logits, truth)["one-minus-map"]
    some = [0, 2, 3]
    theirs = 1 - average_precision_score(truth[:, some], logits[:, some])
    assert precision.value == pytest.approx(theirs, abs=1e-12)
    assert precision.n_undefined == 1


@pytest.mark.parametrize("name", ["one-minus-auroc", "one-minus-map"])
def test_nothing_defined_and_nothing_a_number(name: str) -> None:
    logits, truth = random(20, 4, None)
    empty = score(name, LABELS, logits, torch.zeros_like(truth))[name]
    assert empty.value is not None
    assert math.isnan(empty.value)
    assert empty.n_undefined == 4
    logits[3, 2] = torch.nan
    broken = score(name, LABELS, logits, truth)[name]
    assert broken.value is not None
    assert math.isnan(broken.value), "a network that diverged has no score"


def test_saturated_logits_keep_their_order() -> None:
    logits = torch.tensor([[30.0], [31.0], [32.0], [33.0]]).repeat(1, 4)
    truth = torch.tensor([[0], [0], [1], [1]]).repeat(1, 4)
    for name in ("one-minus-auroc", "one-minus-map"):
        assert score(name, LABELS, logits, truth)[name].value == 0


def test_batch_mean_is_the_mean_of_the_batches_own_values() -> None:
    logits, truth = random(100, 4, None)
    truth[90:] = 0
    found = score("one-minus-auroc", LABELS, logits, truth, size=30)["one-minus-auroc/batch-mean"]
    parts = [slice(start, start + 30) for start in (0, 30, 60)]
    theirs = [1 - float(roc_auc_score(truth[part], logits[part])) for part in parts]
    assert found.value == pytest.approx(np.mean(theirs), abs=1e-12)
    assert (found.n_units, found.n_undefined) == (4, 1), "the last batch has no positives"


def test_average_precision_averages_the_logits_of_a_unit() -> None:
    clips = torch.Generator().manual_seed(0)
    unit = torch.randint(0, 25, (300,), generator=clips)
    truth_of_unit = torch.randint(0, 2, (25, 4), generator=clips)
    truth = truth_of_unit[unit]
    logits = 4 * torch.randn(300, 4, generator=clips) + truth
    means = torch.stack([logits[unit == each].double().mean(dim=0) for each in range(25)])
    theirs = 1 - average_precision_score(truth_of_unit, means.sigmoid())
    found = score("one-minus-map", LABELS, logits, truth, unit=unit, size=13)["one-minus-map"]
    assert found.value == pytest.approx(theirs, abs=1e-12)
    assert found.n_units == 25
    scores = score("one-minus-map", LABELS, means.sigmoid(), truth_of_unit, size=4, kind="scores")[
        "one-minus-map"
    ]
    assert scores.value == pytest.approx(theirs, abs=1e-12)


@pytest.mark.parametrize(("clips", "chunks", "levels"), [(70, 4, 3), (33, 7, 2), (257, 3, 5)])
def test_average_precision_of_tied_means_of_chunks(clips: int, chunks: int, levels: int) -> None:
    """Means of few levels tie often, however far out, in whatever order their chunks come."""
    torch.manual_seed(clips)
    unit = torch.arange(clips).repeat_interleave(chunks)
    logits = 7.3 * torch.randint(-levels, levels + 1, (clips * chunks, 4))
    truth = torch.rand(clips, 4).repeat_interleave(chunks, dim=0).round()
    mix = torch.randperm(len(unit))
    found = score("one-minus-map", LABELS, logits[mix], truth[mix], unit=unit[mix], size=64)
    means = logits.double().reshape(clips, chunks, 4).mean(1).numpy()
    expected = average_precision_score(truth[::chunks].numpy(), means, average="macro")
    assert found["one-minus-map"].value == pytest.approx(1 - expected, abs=1e-12)


def test_average_precision_with_little_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    logits, truth = random(40, 4, 2)
    unit = torch.arange(40) % 10
    truth = truth[unit]
    theirs = score("one-minus-map", LABELS, logits, truth, unit=unit)["one-minus-map"]
    monkeypatch.setattr("kit.metrics.one_minus_map.WAITING", 8)
    ours = score("one-minus-map", LABELS, logits, truth, unit=unit, size=3)["one-minus-map"]
    assert ours.value == pytest.approx(theirs.value, abs=1e-12)
    assert ours.n_units == 10


def test_one_unit() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        truth = torch.tensor([[1, 0, 0, 0]])
        found = score("one-minus-map", LABELS, torch.randn(1, 4), truth)["one-minus-map"]
    assert (found.value, found.n_units, found.n_undefined) == (0.0, 1, 3)
    area = score("one-minus-auroc", LABELS, torch.randn(1, 4), truth)["one-minus-auroc"]
    assert (area.n_units, area.n_undefined) == (1, 4)


def test_dense_auroc_pools_what_the_mask_leaves() -> None:
    logits, truth = random(6 * 64, 1, 4)
    logits, truth = logits.reshape(6, 1, 8, 8), truth.reshape(6, 1, 8, 8).float()
    mask = torch.rand(6, 1, 8, 8, generator=torch.Generator().manual_seed(1)) > 0.3
    found = score("one-minus-auroc", MAP, logits, truth, mask=mask, size=4)
    theirs = 1 - roc_auc_score(truth[mask], logits[mask])
    assert found["one-minus-auroc"].value == pytest.approx(theirs, abs=1e-12)
    assert found["one-minus-auroc"].n_units == 6
    parts = [slice(0, 4), slice(4, 6)]
    batches = [1 - float(roc_auc_score(truth[p][mask[p]], logits[p][mask[p]])) for p in parts]
    mean = found["one-minus-auroc/batch-mean"].value
    assert mean == pytest.approx(np.mean(batches), abs=1e-12)
    hard = 1 - roc_auc_score(truth.flatten(), (logits > 0.5).flatten())
    assert found["one-minus-auroc/binarised"].value == pytest.approx(hard, abs=1e-12)
    scores = score("one-minus-auroc", MAP, logits.sigmoid(), truth, mask=mask, kind="scores")
    assert scores["one-minus-auroc/binarised"].value == pytest.approx(hard, abs=1e-12)


def test_dense_auroc_of_nothing() -> None:
    logits, truth = torch.randn(2, 1, 4, 4), torch.ones(2, 1, 4, 4)
    found = score("one-minus-auroc", MAP, logits, truth, mask=torch.zeros(2, 1, 4, 4))
    value = found["one-minus-auroc"]
    assert value.value is not None
    assert math.isnan(value.value)
    assert value.n_undefined == 1


def test_auroc_refuses_a_task_of_classes() -> None:
    with pytest.raises(KitError, match="one-minus-auroc needs labels or a map"):
        evaluator("one-minus-auroc", replace(DARCY, kind="point"))


def test_functions_on_millions_of_samples() -> None:
    """Ranks and sums of ranks stay exact where floats of 32 bits would not."""
    scores = torch.arange(1_000_000) % 1000 / 1000
    truth = torch.arange(1_000_000) % 7 == 0
    assert float(auroc(scores, truth)) == pytest.approx(roc_auc_score(truth, scores), abs=1e-12)
    precision = average_precision_score(truth, scores)
    assert float(average_precision(scores, truth)) == pytest.approx(precision, abs=1e-12)
