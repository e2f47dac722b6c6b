from __future__ import annotations

import pytest
import torch

from kit import task
from kit.data.folds import Fold, TaskData
from kit.data.normalise import per_sample, pointwise
from kit.data.prepared import open_prepared
from kit.settings import DataConfig

CONFIG = DataConfig(inputs="pointwise", targets="pointwise", coordinates=True)


@pytest.fixture
def data(darcy: object) -> TaskData:
    found = task.find("darcy-flow")
    return TaskData(found, open_prepared(found, "regenerated", "smoke"), torch.device("cpu"))


def test_roles_are_made_of_prepared_folds(data: TaskData) -> None:
    sizes = {role: len(data.fold(role, CONFIG)) for role in ("tune_fit", "tune_val", "final_fit")}
    assert sizes == {"tune_fit": 12, "tune_val": 4, "final_fit": 16}
    merged = DataConfig(roles={"search": ("train", "val")})
    assert len(data.fold("search", merged)) == 16
    assert len(data.fold("search", DataConfig())) == 12


def test_normalisers_are_fitted_on_the_fold_in_use(data: TaskData) -> None:
    final, test = data.fold("final_fit", CONFIG), data.fold("test", CONFIG)
    assert torch.equal(_shift(final), _shift(test))
    tuned, validated = data.fold("tune_fit", CONFIG), data.fold("tune_val", CONFIG)
    assert torch.equal(_shift(tuned), _shift(validated))
    assert not torch.equal(_shift(tuned), _shift(final))
    coefficient = final.samples.x[:, 0]
    assert coefficient.mean(0).abs().max() < 1e-5
    varied = coefficient.std(0) > 0
    assert (coefficient.std(0)[varied] - 1).abs().max() < 1e-3


def _shift(fold: Fold) -> torch.Tensor:
    assert fold.targets.shift is not None
    return fold.targets.shift


def test_targets_stay_in_original_units(data: TaskData) -> None:
    test = data.fold("test", CONFIG)
    raw = torch.from_numpy(data.prepared.array("y")[data.prepared.fold("test")].copy())
    assert torch.equal(test.samples.y, raw)
    encoded = test.targets.encode(raw)
    assert torch.allclose(test.targets.decode(encoded), raw, atol=1e-7)


def test_pointwise_is_mean_and_unbiased_deviation_plus_1e_5() -> None:
    values = torch.tensor([[[1.0, 5.0]], [[3.0, 5.0]]])
    normaliser = pointwise(values)
    assert normaliser.shift is not None
    assert normaliser.scale is not None
    assert torch.equal(normaliser.shift, torch.tensor([[2.0, 5.0]]))
    assert torch.allclose(normaliser.scale, torch.tensor([[2**0.5 + 1e-5, 1e-5]]))


@pytest.mark.parametrize("unit", [1e-12, 1e-6, 1.0])
def test_targets_of_any_unit_are_encoded_to_deviations_of_about_one(unit: float) -> None:
    values = unit * torch.randn(200, 2, generator=torch.Generator().manual_seed(0))
    encoded = pointwise(values).encode(values)
    assert (encoded.std(0) - 1).abs().max() < 0.1
    assert torch.allclose(pointwise(values).decode(encoded), values, rtol=1e-5, atol=1e-6 * unit)


def test_a_single_sample_and_constant_channels_have_a_scale() -> None:
    for values in (torch.ones(1, 2), torch.full((3, 2, 4), 7.0)):
        assert torch.equal(pointwise(values).encode(values), torch.zeros_like(values))


@pytest.mark.parametrize("value", [0.1, 1e-3, 12345.678])
def test_a_constant_sample_becomes_zeros(value: float) -> None:
    samples = torch.stack([torch.full((1, 999), value), torch.linspace(0, 1, 999)[None]])
    scores = per_sample(samples)
    assert torch.equal(scores[0], torch.zeros(1, 999))
    assert scores[1].std(correction=0) == pytest.approx(1)


def test_first_coordinate_runs_along_columns_second_along_rows(data: TaskData) -> None:
    x = data.fold("test", CONFIG).samples.x
    line = torch.linspace(0, 1, 85)
    assert torch.equal(x[0, 1], line.expand(85, 85))
    assert torch.equal(x[3, 2], line[:, None].expand(85, 85))


def test_stride_and_samples_thin_out_inputs_and_targets(data: TaskData) -> None:
    fold = data.fold("final_fit", DataConfig(stride=4, samples={"train": 3, "val": 2}))
    assert fold.samples.x.shape == (5, 1, 22, 22)
    assert fold.samples.y.shape == (5, 1, 22, 22)
    whole = data.fold("final_fit", DataConfig())
    assert torch.equal(fold.samples.y[0], whole.samples.y[0, :, ::4, ::4])
    assert fold.input_shape == DataConfig(stride=4).input_shape((1, 85, 85))


def test_order_depends_on_seed_and_epoch_alone(data: TaskData) -> None:
    fold = data.fold("final_fit", DataConfig())

    def order(seed: int, epoch: int) -> list[int]:
        batches = fold.shuffled(5, seed, "train", epoch)
        return torch.cat([batch.sample_id for batch in batches]).tolist()

    assert order(0, 3) == order(0, 3)
    assert order(0, 3) != order(0, 4)
    assert order(0, 3) != order(1, 3)
    assert sorted(order(0, 3)) == sorted(fold.samples.sample_id.tolist())
    sizes = [len(batch.x) for batch in fold.batches(5)]
    assert sizes == [5, 5, 5, 1]
    assert fold.batch_count(5) == 4
    assert len(list(fold.shuffled(5, 0, "x", limit=2))) == 2
