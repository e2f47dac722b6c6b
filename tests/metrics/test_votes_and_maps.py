"""F1 by majority vote, the false-negative rate, and MAE8, against independent computations."""

from __future__ import annotations

import math
import warnings
from dataclasses import replace

import numpy as np
import pytest
import torch
from sklearn.metrics import confusion_matrix, f1_score

from kit import task
from kit.data.loading import Batch
from kit.metrics import Kind, Prediction, evaluator
from kit.runs.records import MetricValue

DARCY = task.find("darcy-flow")
RECORDS = replace(DARCY, kind="point", outputs=4, unit="record", forms=("challenge",))
STAMPS = replace(DARCY, kind="dense", unit="stamp")
PROTEINS = replace(DARCY, kind="dense", unit="protein")


def votes(
    values: torch.Tensor, truth: torch.Tensor, unit: torch.Tensor, size: int = 1000
) -> dict[str, MetricValue]:
    found = evaluator("one-minus-f1", RECORDS)
    for part in torch.arange(len(truth)).split(size):
        found.update(
            Prediction(values[part], "labels" if values.ndim == 1 else "logits"),
            Batch(x=truth[part], y=truth[part], sample_id=part, unit_id=unit[part]),
        )
    return found.compute()


def number(value: MetricValue) -> float:
    assert value.value is not None
    return value.value


def test_f1_votes_by_record() -> None:
    random = np.random.default_rng(0)
    truth_of_record = random.integers(0, 4, 60)
    unit = random.integers(0, 60, 900)
    truth = truth_of_record[unit]
    said = np.where(random.random(900) < 0.5, truth, random.integers(0, 4, 900))
    present = np.unique(unit)
    voted = [np.bincount(said[unit == each], minlength=4).argmax() for each in present]
    logits = torch.nn.functional.one_hot(torch.from_numpy(said), 4) * 2.0 - 1
    found = votes(logits, torch.from_numpy(truth), torch.from_numpy(unit), size=250)
    theirs = f1_score(truth_of_record[present], voted, average=None, labels=range(4))
    assert number(found["one-minus-f1"]) == pytest.approx(1 - theirs.mean(), abs=1e-12)
    challenge = number(found["one-minus-f1/challenge"])
    assert challenge == pytest.approx(1 - theirs[:3].mean(), abs=1e-12)
    single = f1_score(truth, said, average="macro")
    assert number(found["one-minus-f1/samples"]) == pytest.approx(1 - single, abs=1e-12)
    starts = range(0, 900, 250)
    batches = [f1_score(truth[n : n + 250], said[n : n + 250], average="macro") for n in starts]
    mean = number(found["one-minus-f1/batch-mean"])
    assert mean == pytest.approx(1 - np.mean(batches), abs=1e-12)
    assert next(iter(found)) == "one-minus-f1"
    assert found["one-minus-f1"].n_units == len(present)
    assert found["one-minus-f1/samples"].n_units == 900


def test_f1_of_classes_that_do_not_occur() -> None:
    """Nowhere at all: undefined, not averaged. Predicted but never true, or the reverse: zero."""
    truth, unit = torch.tensor([0, 0, 1, 1]), torch.arange(4)
    found = votes(torch.tensor([0, 0, 0, 2]), truth, unit)["one-minus-f1"]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = f1_score(truth, [0, 0, 0, 2], average="macro")
    assert number(found) == pytest.approx(1 - theirs)
    assert found.n_undefined == 1


def test_f1_of_one_record_and_of_ties() -> None:
    one = votes(torch.tensor([3, 3, 1]), torch.tensor([3, 3, 3]), torch.tensor([7, 7, 7]))
    assert number(one["one-minus-f1"]) == 0
    assert (one["one-minus-f1"].n_units, one["one-minus-f1"].n_undefined) == (1, 3)
    assert math.isnan(number(one["one-minus-f1/challenge"]))
    for order in ([2, 1], [1, 2]):
        tied = votes(torch.tensor(order), torch.tensor([1, 1]), torch.tensor([0, 0]))
        assert number(tied["one-minus-f1"]) == 0, "of equal votes the lowest class, in any order"


def test_f1_of_a_network_that_diverged() -> None:
    broken = votes(torch.full((4, 4), torch.nan), torch.tensor([0, 1, 2, 3]), torch.arange(4))
    assert all(math.isnan(number(value)) for value in broken.values())


def rates(
    values: torch.Tensor, truth: torch.Tensor, mask: torch.Tensor | None, kind: Kind = "logits"
) -> dict[str, MetricValue]:
    found = evaluator("false-negative-rate", STAMPS)
    for part in torch.arange(len(truth)).split(4):
        found.update(
            Prediction(values[part], kind),
            Batch(
                x=truth[part],
                y=truth[part],
                sample_id=part,
                unit_id=part,
                mask=None if mask is None else mask[part],
            ),
        )
    return found.compute()


def _missed(truth: torch.Tensor, said: torch.Tensor) -> float:
    table = confusion_matrix(truth.flatten() > 0.5, said.flatten(), labels=[False, True])
    return float(100 * table[1, 0] / table[1].sum())


def test_false_negative_rate_is_pooled_and_masked() -> None:
    random = torch.Generator().manual_seed(0)
    truth = (torch.rand(10, 1, 12, 12, generator=random) > 0.8).float()
    logits = torch.randn(10, 1, 12, 12, generator=random) + truth
    mask = torch.rand(10, 1, 12, 12, generator=random) > 0.25
    found = rates(logits, truth, mask)
    pooled = _missed(truth[mask], logits[mask] > 0)
    assert number(found["false-negative-rate"]) == pytest.approx(pooled, abs=1e-10)
    assert found["false-negative-rate"].n_units == 10
    assert found["false-negative-rate"].unit == "%"
    parts = [slice(0, 4), slice(4, 8), slice(8, 10)]
    batches = [_missed(truth[p][mask[p]], logits[p][mask[p]] > 0) for p in parts]
    mean = number(found["false-negative-rate/batch-mean"])
    assert mean == pytest.approx(np.mean(batches), abs=1e-10)
    released = number(found["false-negative-rate/logit-half"])
    assert released == pytest.approx(_missed(truth, logits > 0.5), abs=1e-10)
    scores = rates(logits.double().sigmoid(), truth, mask, "scores")
    assert {name: value.value for name, value in scores.items()} == {
        name: value.value for name, value in found.items()
    }
    unmasked = rates(logits, truth, None)["false-negative-rate"]
    assert number(unmasked) == pytest.approx(_missed(truth, logits > 0), abs=1e-10)


def test_false_negative_rate_of_degenerate_predictions() -> None:
    truth = torch.zeros(5, 1, 4, 4)
    truth[0] = 1
    assert number(rates(torch.full_like(truth, 9), truth, None)["false-negative-rate"]) == 0
    none = rates(torch.full_like(truth, -9), truth, None)
    assert number(none["false-negative-rate"]) == 100
    assert none["false-negative-rate/batch-mean"].n_undefined == 1, "a batch without positives"
    assert number(none["false-negative-rate/batch-mean"]) == 100
    masked = rates(truth, truth, torch.zeros_like(truth))["false-negative-rate"]
    assert math.isnan(number(masked))
    assert masked.n_undefined == 1
    broken = rates(truth * torch.nan, truth, None)
    assert math.isnan(number(broken["false-negative-rate"]))


def _proteins() -> tuple[list[int], torch.Tensor, torch.Tensor]:
    """True maps padded by 100, asymmetric predictions, lengths; the last has no close pair."""
    random = np.random.default_rng(3)
    lengths = [40, 64, 51, 30]
    truth = np.full((4, 1, 64, 64), 100.0)
    for number_, length in enumerate(lengths):
        distances = random.uniform(4, 30, (length, length))
        truth[number_, 0, :length, :length] = (distances + distances.T) / 2
    truth[3, 0, :30, :30] = 20
    guess = truth + random.normal(0, 3, truth.shape)
    guess[0, 0, :5] = -2
    return lengths, torch.from_numpy(truth).float(), torch.from_numpy(guess).float()


def _mae8(guess: np.ndarray, truth: np.ndarray, length: int, released: bool) -> float:
    """The reference, entry by entry, in the order in which the released code does it."""
    guess = guess.copy()
    if released:
        for j in range(length):
            for k in range(j, length):
                guess[j, k] = (guess[k, j] + guess[j, k]) / 2
    guess[guess < 0.01] = 0.01
    errors = [
        abs(truth[p, q] - (guess[q, p] + guess[p, q]) / 2)
        for p in range(length)
        for q in range(p + 24, length)
        if truth[p, q] <= 8
    ]
    return float(np.mean(errors)) if errors else math.nan


@pytest.mark.parametrize(("masked", "border"), [(False, 0), (True, 0), (True, 5)])
def test_mae8_against_its_definition(masked: bool, border: int) -> None:
    """Without a mask the map lies in the corner; with one, a border may be around it."""
    lengths, truth, guess = _proteins()
    maps = [array[:, 0].double().numpy() for array in (guess, truth)]
    expected = {
        kind: [_mae8(maps[0][n], maps[1][n], lengths[n], kind) for n in range(4)]
        for kind in (False, True)
    }
    mask = torch.zeros_like(truth)
    for n, length in enumerate(lengths):
        mask[n, :, :length, :length] = 1
    pad = (border,) * 4
    truth, guess = (torch.nn.functional.pad(each, pad, value=6.0) for each in (truth, guess))
    mask = torch.nn.functional.pad(mask, pad)
    found = evaluator("mae8", PROTEINS)
    for part in torch.arange(4).split(3):
        found.update(
            Prediction(guess[part], "field"),
            Batch(
                x=truth[part],
                y=truth[part],
                sample_id=part,
                unit_id=part,
                mask=mask[part] if masked else None,
                length=None if masked else torch.tensor(lengths)[part],
            ),
        )
    values = found.compute()
    assert number(values["mae8"]) == pytest.approx(np.nanmean(expected[False]), rel=1e-6)
    released = values["mae8/released-symmetry"]
    assert number(released) == pytest.approx(np.nanmean(expected[True]), rel=1e-6)
    assert (released.n_units, released.n_undefined, released.unit) == (4, 1, "angstrom")
    batch_mean = values["mae8/batch-mean"]
    assert number(batch_mean) == pytest.approx(np.nanmean(expected[True][:3]), rel=1e-6)
    assert (batch_mean.n_units, batch_mean.n_undefined) == (2, 1)


def test_mae8_true_lengths_matter_and_broken_maps_are_told() -> None:
    _, truth, guess = _proteins()
    truth[0, 0, 0, 63] = 5
    ids = torch.arange(4)

    def value(guess: torch.Tensor, length: int | None) -> float:
        found = evaluator("mae8", PROTEINS)
        lengths = None if length is None else torch.full((4,), length)
        batch = Batch(x=truth, y=truth, sample_id=ids, unit_id=ids, length=lengths)
        found.update(Prediction(guess, "field"), batch)
        return number(found.compute()["mae8"])

    assert value(guess, None) == value(guess, 64) != value(guess, 40)
    assert math.isnan(value(guess, 24)), "no pair is 24 apart"
    guess[2, 0, 1, 1] = torch.nan
    assert math.isnan(value(guess, 64))
