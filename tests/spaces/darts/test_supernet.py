"""The supernet: the numbers of the originals, and those of the one written module by module."""

from __future__ import annotations

from typing import Any, cast

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor, nn

from kit.bench.darts_reference import ReferenceSupernet
from kit.search import ExponentiatedGradient
from kit.spaces.darts.mixture import Mixtures
from kit.spaces.darts.supernet import DartsSupernet, SupernetCell
from tests.spaces.darts.originals import fill, read, sample
from tests.spaces.darts.same_weights import copy, pairs

VALUES = read("supernets.json")
FAMILIES = ("2d-point", "2d-dense", "1d")


def released() -> Mixtures:
    return Mixtures("softmax-of-simplex", "ones", "all")


def made(family: str, kind: type[nn.Module], channels: int, **sizes: Any) -> Any:
    dims = 1 if family == "1d" else 2
    return kind(
        VALUES[family]["in_channels"],
        VALUES[family]["classes"],
        mixtures=released(),
        dims=dims,
        dense=family == "2d-dense",
        reduction="same" if dims == 1 else "shifted",
        channels=channels,
        **sizes,
    )


def original(family: str) -> DartsSupernet:
    """Return the supernet with the weights that the originals were given."""
    values = VALUES[family]
    reference = made(family, ReferenceSupernet, values["C"], layers=values["layers"]).double()
    supernet: DartsSupernet = made(family, DartsSupernet, values["C"], layers=8).double()
    weights = [
        each for name, each in reference.named_parameters() if not name.startswith("mixtures")
    ]
    assert sum(each.numel() for each in weights) == values["n_weights"]
    fill(weights, values["A"])
    for number, (alphas, betas) in enumerate(
        zip(reference.mixtures.alphas.values(), reference.mixtures.betas.values(), strict=True)
    ):
        for parameter, wave in (
            (alphas, "sin" if number == 0 else "cos"),
            (betas, "cos" if number == 0 else "sin"),
        ):
            count = torch.arange(parameter.numel(), dtype=torch.float64)
            parameter.data = (1 + 0.1 * getattr(torch, wave)(count)).view_as(parameter)
    copy(supernet, reference)
    return supernet


def close(found: Tensor, expected: Any) -> None:
    """Hold a tensor to its first numbers, its sums, and its product with cos(n)."""
    flat = found.detach().flatten()
    scale = max(float(flat.abs().max()), 1e-300)
    first = torch.tensor(expected["first"], dtype=torch.float64)
    assert torch.allclose(flat[: len(first)], first, rtol=1e-8, atol=1e-8 * scale)
    waves = torch.arange(len(flat), dtype=torch.float64).cos()
    for key, value in (
        ("sum", flat.sum()),
        ("sum_abs", flat.abs().sum()),
        ("dot_cos", (flat * waves).sum()),
    ):
        assert float(value) == pytest.approx(expected[key], rel=1e-7, abs=1e-8 * scale * len(flat))


@pytest.mark.parametrize("family", FAMILIES)
def test_it_is_the_originals_supernet(family: str) -> None:
    """Output, loss, gradients, one step of both, the running statistics and the genotype."""
    values = VALUES[family]
    supernet = original(family)
    mixtures, x = supernet.mixtures, sample(values["input"])

    def loss(turned: bool) -> Tensor:
        y = supernet(x)
        if family == "2d-dense":
            close(y.movedim(1, -1), values["logits"]) if not turned else None
            targets = torch.arange(y.numel(), dtype=torch.float64).cos().view_as(y)
            return F.mse_loss(y, targets.flip(0) if turned else targets)
        if not turned:
            close(y, values["logits"])
        labels = torch.tensor([0, 1])
        return F.cross_entropy(y, labels.flip(0) if turned else labels)

    before = {name: value.clone() for name, value in supernet.state_dict().items()}
    assert mixtures.genotype().value() == values["genotype"]
    first = loss(turned=False)
    assert float(first.detach()) == pytest.approx(values["loss"], rel=1e-9)
    first.backward()
    for name, expected in values["arch_grads"].items():
        parameters, cell = name.split("_")
        gradient = getattr(mixtures, parameters)[cell].grad
        if expected is None:
            assert gradient is None or not bool(gradient.any())
        else:
            close(gradient, expected)
    weights = supernet.weights()
    sgd = torch.optim.SGD(weights, 0.1, momentum=0.9, weight_decay=3e-4)
    norm = nn.utils.clip_grad_norm_(weights, 5.0)
    assert float(norm) == pytest.approx(values["weight_grad_norm"], rel=1e-8)
    trained = {name: value.clone() for name, value in supernet.named_buffers()}

    supernet.eval()
    with torch.no_grad():
        y = supernet(x)
    y = y.movedim(1, -1) if family == "2d-dense" else y
    close(y, values["logits_eval_after_one_training_forward"])
    supernet.train()
    assert all(torch.equal(value, trained[name]) for name, value in supernet.named_buffers())
    assert before.keys() >= trained.keys()

    sgd.step()
    step = values["search_step"]
    supernet.zero_grad()
    second = loss(turned=True)
    assert float(second.detach()) == pytest.approx(step["loss_arch"], rel=1e-8)
    second.backward()
    ExponentiatedGradient(mixtures.parameters(), 0.1).step()
    close(mixtures.alphas["normal"], step["alphas_normal"])
    found = mixtures.betas["normal"].tolist()
    assert found == pytest.approx(step["betas_normal"], rel=1e-7)
    found = mixtures.alphas["reduce"][13].tolist()
    assert found == pytest.approx(step["alphas_reduce_row13"], rel=1e-7)


@pytest.mark.parametrize("family", FAMILIES)
def test_sizes_are_the_originals(family: str) -> None:
    with torch.device("meta"):
        supernet = made(family, DartsSupernet, 16)
    full = VALUES[family]["full_C16_L8"]
    assert sum(each.numel() for each in supernet.weights()) == full["ws"]
    assert sum(each.numel() for each in supernet.mixtures.parameters()) == full["arch"]


@pytest.mark.parametrize(
    ("family", "size", "channels", "tolerance"),
    [
        ("2d-point", 9, 8, 1e-10),
        ("2d-point", 8, 32, 1e-10),
        ("2d-dense", 5, 4, 1e-10),
        ("1d", 11, 8, 1e-10),
        ("2d-point", 8, 8, 1e-5),
    ],
)
def test_shared_kernels_change_no_number(
    family: str, size: int, channels: int, tolerance: float
) -> None:
    """In double and single precision: outputs, all gradients, statistics and what follows."""
    torch.manual_seed(0)
    kind = torch.float64 if tolerance < 1e-6 else torch.float32
    reference = made(family, ReferenceSupernet, channels, layers=3).to(kind)
    supernet = made(family, DartsSupernet, channels, layers=3).to(kind)
    for each in reference.mixtures.parameters():
        each.data = torch.rand_like(each) + 0.5
    copy(supernet, reference)
    dims = 1 if family == "1d" else 2
    x = torch.randn(3, VALUES[family]["in_channels"], *[size] * dims, dtype=kind)
    answers = []
    for network in (supernet, reference):
        network(x).square().mean().backward()
        with torch.no_grad():
            answers.append((network.train()(x), network.eval()(x)))
    for ours, theirs in zip(*answers, strict=True):
        assert torch.allclose(ours, theirs, rtol=tolerance, atol=tolerance)
    for ours, theirs in gradients(supernet, reference):
        scale = max(1.0, float(theirs.abs().max()))
        assert float((ours - theirs).abs().max()) <= tolerance * scale


def gradients(supernet: DartsSupernet, reference: ReferenceSupernet) -> list[tuple[Tensor, Tensor]]:
    """Return the gradients of both, by making each tensor's gradient its value."""
    for network in (supernet, reference):
        for each in network.parameters():
            each.data = torch.zeros_like(each) if each.grad is None else each.grad
    return [
        (ours.detach(), theirs.detach().view_as(ours))
        for ours, theirs in pairs(supernet, reference)
    ]


def test_channels_that_cannot_be_quartered() -> None:
    with pytest.raises(ValueError, match="divisible by 4, not 6"):
        DartsSupernet(3, 4, channels=6)


def test_gradients_of_both_kinds_in_double_precision() -> None:
    """Of weights and of the mixture, against finite differences."""
    torch.manual_seed(0)
    supernet = DartsSupernet(1, 2, dims=1, channels=4, layers=1).double()
    x = torch.randn(2, 1, 9, dtype=torch.float64)
    chosen = [
        supernet.mixtures.alphas["reduce"],
        supernet.mixtures.betas["reduce"],
        cast("SupernetCell", supernet.cells[0]).weights.depthwise["sep_conv_3x3"],
    ]
    supernet(x).square().sum().backward()
    for parameter in chosen:
        direction = torch.randn_like(parameter)
        values = []
        for step in (1e-6, -1e-6):
            parameter.data += step * direction
            values.append(float(supernet(x).square().sum().detach()))
            parameter.data -= step * direction
        assert parameter.grad is not None
        slope = float((parameter.grad * direction).sum())
        assert (values[0] - values[1]) / 2e-6 == pytest.approx(slope, rel=1e-5, abs=1e-7)
