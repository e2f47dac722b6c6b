from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from kit.data.loading import Batch
from kit.errors import KitError
from kit.training.losses import loss


def batch(y: torch.Tensor, mask: torch.Tensor | None = None) -> Batch:
    ids = torch.arange(len(y))
    return Batch(x=y, y=y, sample_id=ids, unit_id=ids, mask=mask)


def gradient(name: str, output: torch.Tensor, the_batch: Batch) -> torch.Tensor:
    leaf = output.clone().requires_grad_()
    (found,) = torch.autograd.grad(loss(name)[0](leaf, the_batch), leaf)
    return found


CLASSES = torch.randn(16, 5, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
TRUTH = torch.arange(16) % 5
MAPS = torch.randn(3, 1, 6, 6, generator=torch.Generator().manual_seed(1))
MASK = torch.arange(108).reshape(3, 1, 6, 6) % 3 != 0
LABELS = (torch.arange(108).reshape(3, 1, 6, 6) % 5 == 0).to(torch.uint8)


def test_log_cosh_against_its_definition_and_far_from_zero() -> None:
    found, kind = loss("log-cosh")
    assert kind == "field"
    expected = MAPS.double().cosh().log().mean()
    assert float(found(MAPS.double(), batch(0 * MAPS))) == pytest.approx(float(expected), rel=1e-12)
    far = torch.tensor([-1000.0, 1000.0])
    assert float(found(far, batch(0 * far))) == pytest.approx(1000 - math.log(2))


def test_focal_without_gamma_is_cross_entropy() -> None:
    found, kind = loss("focal:gamma=0")
    assert kind == "logits"
    expected = F.cross_entropy(CLASSES, TRUTH)
    assert float(found(CLASSES, batch(TRUTH))) == pytest.approx(float(expected), rel=1e-12)
    assert gradient("focal:gamma=0", CLASSES, batch(TRUTH)).allclose(
        gradient("cross-entropy", CLASSES, batch(TRUTH))
    )


@pytest.mark.parametrize(("gamma", "alpha"), [(2.0, 1.0), (3.0, 6.0), (0.5, 0.25)])
def test_focal_against_its_formula(gamma: float, alpha: float) -> None:
    p = CLASSES.softmax(dim=1)[torch.arange(16), TRUTH]
    expected = float((-alpha * (1 - p) ** gamma * p.log()).mean())
    found = loss(f"focal:gamma={gamma},alpha={alpha}")[0](CLASSES, batch(TRUTH))
    assert float(found) == pytest.approx(expected, rel=1e-10)
    default = loss("focal")[0](CLASSES, batch(TRUTH))
    assert float(default) == pytest.approx(float((-((1 - p) ** 2) * p.log()).mean()), rel=1e-10)


@pytest.mark.parametrize("name", ["focal", "focal:gamma=0.5", "focal:gamma=0"])
def test_focal_of_certain_answers_has_finite_gradients(name: str) -> None:
    certain = torch.tensor([[200.0, 0.0], [0.0, 200.0]])
    assert gradient(name, certain, batch(torch.tensor([0, 0]))).isfinite().all()


def test_bce_weighs_positive_labels() -> None:
    logits, truth = torch.randn(8, 36), (torch.arange(288).reshape(8, 36) % 7 == 0).long()
    found, kind = loss("bce:pos-weight=4")
    assert kind == "logits"
    log_p, log_q = F.logsigmoid(logits), F.logsigmoid(-logits)
    expected = -(4 * truth * log_p + (1 - truth) * log_q).mean()
    assert float(found(logits, batch(truth))) == pytest.approx(float(expected), rel=1e-6)
    assert torch.equal(
        loss("bce")[0](logits, batch(truth)), loss("bce:pos-weight=1")[0](logits, batch(truth))
    )


def test_masked_bce_is_a_mean_over_what_counts() -> None:
    whole = batch(LABELS, MASK)
    expected = F.binary_cross_entropy_with_logits(MAPS[MASK], LABELS[MASK].float())
    assert float(loss("masked-bce")[0](MAPS, whole)) == pytest.approx(float(expected), rel=1e-6)
    found = gradient("masked-bce:pos-weight=3", MAPS, whole)
    assert (found[~MASK] == 0).all()
    assert (found[MASK] != 0).all()
    without = loss("masked-bce")[0](MAPS, batch(LABELS))
    assert float(without) == pytest.approx(float(loss("bce")[0](MAPS, batch(LABELS))), rel=1e-6)


def test_zeroed_bce_is_the_released_form() -> None:
    whole, share = batch(LABELS, MASK), float(MASK.float().mean())
    masked = float(loss("masked-bce")[0](MAPS, whole))
    expected = share * masked + (1 - share) * math.log(2)
    assert float(loss("zeroed-bce")[0](MAPS, whole)) == pytest.approx(expected, rel=1e-6)
    ratio = gradient("zeroed-bce", MAPS, whole)[MASK] / gradient("masked-bce", MAPS, whole)[MASK]
    assert ratio.allclose(torch.full_like(ratio, share), rtol=1e-4)


def test_a_batch_in_which_nothing_counts() -> None:
    nothing = batch(LABELS, torch.zeros_like(MASK))
    assert float(loss("masked-bce")[0](MAPS, nothing)) == 0
    assert (gradient("masked-bce", MAPS, nothing) == 0).all()
    assert (gradient("zeroed-bce", MAPS, nothing) == 0).all()


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("focall", "unknown loss 'focall'; did you mean 'focal'"),
        ("focall:gamma=1", "unknown loss 'focall'"),
        ("bce:pos-wieght=4", "no parameter 'pos-wieght'; did you mean 'pos-weight'"),
        ("mse:gamma=1", "no parameter 'gamma'; there is none"),
        ("focal:gamma=high", "gamma must be a number of at least 0, not 'high'"),
        ("focal:gamma=-1", "not '-1'"),
        ("focal:gamma=nan", "not 'nan'"),
        ("focal:gamma", "not ''"),
        ("focal:", "no parameter ''"),
    ],
)
def test_wrong_names_and_parameters(name: str, words: str) -> None:
    with pytest.raises(KitError, match=words):
        loss(name)


def test_parameters_change_the_function_alone() -> None:
    """A loss without parameters stays the plain function, a loss with some can be called again."""
    found: Any = loss("focal: gamma = 3 , alpha = 6")[0]
    assert found.keywords == {"gamma": 3.0, "alpha": 6.0}
    assert loss("mse")[0] is loss("mse")[0]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("scaled-mse:scale=2/4", (1 / 4 + 9 / 4 + 4 / 16 + 0) / 4),
        ("scaled-mse:scale=2", (1 + 9 + 4 + 0) / 4 / 4),
        ("scaled-mae:scale=2/4", (1 / 2 + 3 / 2 + 2 / 4 + 0) / 4),
        ("pinball:quantile=0.25,scale=2/4", (0.25 / 2 + 0.75 * 3 / 2 + 0.25 * 2 / 4 + 0) / 4),
    ],
)
@pytest.mark.parametrize("spatial", [(), (1,), (1, 1)])
def test_scaled_losses_divide_output_by_output(
    name: str, expected: float, spatial: tuple[int, ...]
) -> None:
    truth = torch.tensor([[1.0, 2.0], [-3.0, 0.0]]).reshape(2, 2, *spatial)
    for dtype in (torch.float32, torch.float64):
        output = torch.zeros_like(truth, dtype=dtype, requires_grad=True)
        value = loss(name)[0](output, batch(truth))
        value.backward()
        assert value.dtype == dtype
        assert value.item() == pytest.approx(expected)


@pytest.mark.parametrize("name", ["scaled-mse", "scaled-mae", "pinball"])
@pytest.mark.parametrize(("outputs", "scale"), [(1, "2/4"), (3, "2/4"), (2, "1/2/3")])
def test_scales_are_as_many_as_outputs(name: str, outputs: int, scale: str) -> None:
    truth = torch.zeros(4, outputs)
    words = rf"^loss: scale has {scale.count('/') + 1} numbers for {outputs} outputs; give one"
    with pytest.raises(KitError, match=words):
        loss(f"{name}:scale={scale}")[0](truth, batch(truth))


def test_parameters_are_there_once() -> None:
    with pytest.raises(
        KitError, match=r"^loss 'focal:gamma=1,gamma=2': a parameter is there twice$"
    ):
        loss("focal:gamma=1,gamma=2")
