"""The supernet: the original's numbers, and those of the same cells module by module."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kit.bench.auto_deeplab_reference import reference
from kit.spaces.auto_deeplab import decoding
from kit.spaces.auto_deeplab.layout import Layer1Beta
from kit.spaces.auto_deeplab.supernet import TrellisSupernet
from tests.spaces.auto_deeplab.originals import VALUES, by_place, fill, inputs, of_supernet


@pytest.mark.parametrize("channels", [3, 57])
def test_weights_of_the_original(channels: int) -> None:
    with torch.device("meta"):
        network = TrellisSupernet(channels, 1)
    known = VALUES["search"]["weights"][str(channels)]
    assert sum(weight.numel() for weight in network.weights) == known
    assert sum(weight.numel() for _, weight in of_supernet(network)) == known
    assert [each.numel() for each in network.architecture_parameters] == [160, 144]
    assert sum(len(list(cells.children())) for cells in network.layers) == 45


@pytest.mark.parametrize("mode", ["eval", "train"])
def test_outputs_and_gradients_of_the_original(mode: str) -> None:
    """To rounding in evaluation mode; in training mode rounding grows some 1e12 times.

    These weights leave channels nearly constant, which norms of the batch blow up. By the order in
    which a processor sums, outputs move by 4e-4 and the length of the gradient by a seventh. Its
    direction moves by 1e-4 alone.
    """
    network = TrellisSupernet(3, 1, layer_1_beta="down").double().train(mode == "train")
    fill(of_supernet(network))
    network.alphas.data, network.betas.data = by_place("sin k", 20, 8), by_place("sin k", 12, 4, 3)
    for weight in network.weights:
        weight.requires_grad_(False)
    known, rel = VALUES["search"][mode], 1e-9 if mode == "eval" else 4e-3
    y = network(inputs(2, 3, 64, 64))
    loss = (y - 1).square().mean()
    assert list(y.shape) == known["shape"]
    assert y.flatten()[:6].tolist() == pytest.approx(known["first"], rel=rel)
    assert y.flatten()[-1].item() == pytest.approx(known["last"], rel=rel)
    sums = [y.sum().item(), y.abs().sum().item(), loss.item()]
    assert sums == pytest.approx([known["sum"], known["sumabs"], known["loss"]], rel=rel)
    if mode == "eval":  # whose gradients are what is left of larger ones
        return
    loss.backward()
    alphas, betas = network.alphas.grad, network.betas.grad
    assert alphas is not None
    assert betas is not None
    found = torch.cat([*betas[[0, 1, 5]].flatten(1), *alphas[[0, 7]]])
    names = [f"grad_betas_layer{layer}" for layer in (0, 1, 5)]
    names += [f"grad_alphas_row{row}" for row in (0, 7)]
    wanted = torch.cat([torch.tensor(known[name], dtype=torch.float64).flatten() for name in names])
    assert torch.allclose(found / found.norm(), wanted / wanted.norm(), rtol=0, atol=1e-3)


def _small(layer_1_beta: Layer1Beta = "same") -> TrellisSupernet:
    torch.manual_seed(0)
    network = TrellisSupernet(2, 1, filters=2, layers=4, steps=3, layer_1_beta=layer_1_beta)
    network.double()
    network.alphas.data.normal_()
    network.betas.data.normal_()
    return network


def test_all_at_once_is_the_same_as_module_by_module() -> None:
    network = _small()
    by_module = reference(network)
    x = torch.randn(3, 2, 64, 64, dtype=torch.float64)
    for training in (True, True, False):  # the last one by the statistics of those before
        answers: list[list[Tensor]] = []
        for each in (network, by_module):
            each.train(training).zero_grad()
            y = each(x)
            y.square().mean().backward()
            answers.append([y.detach()])
            answers[-1] += [p.grad for p in each.architecture_parameters if p.grad is not None]
        for one, other in zip(*answers, strict=True):
            assert torch.allclose(one, other, rtol=1e-6, atol=1e-6 * float(other.abs().max()))


def test_gradients_of_weights_are_those_of_finite_differences() -> None:
    network = _small()
    x = torch.randn(2, 2, 32, 32, dtype=torch.float64)
    weight = dict(network.named_parameters())["layers.3.1.candidates.0.blend.weight"]
    network(x).square().sum().backward()
    assert weight.grad is not None
    place, step = (3, 1, 0, 0), 1e-6
    sums = []
    for sign in (1, -1):
        with torch.no_grad():
            weight[place] += sign * step
            sums.append(network(x).square().sum().item())
            weight[place] -= sign * step
    slope = (sums[0] - sums[1]) / (2 * step)
    assert slope == pytest.approx(weight.grad[place].item(), rel=1e-4)


def test_the_beta_of_layer_1_is_another_network() -> None:
    own, strayed = _small(), _small(layer_1_beta="down")
    x = torch.randn(2, 2, 64, 64, dtype=torch.float64)
    for network in (own, strayed):
        network.betas.data[1, 1] = torch.tensor([0.0, 5.0, -5.0])
    assert not torch.allclose(own(x), strayed(x), rtol=0.05)
    for network in (own, strayed):
        network.betas.data[1, 1] = torch.tensor([0.0, 1.0, 1.0])
    assert torch.allclose(own(x), strayed(x))


def test_chances_are_those_of_decoding() -> None:
    network = _small()
    known = torch.tensor(decoding.normalise(network.betas.tolist()), dtype=torch.float64)
    assert torch.allclose(network.chances(), known)


@pytest.mark.parametrize("side", [32, 37, 85])
def test_any_size_comes_out_as_it_went_in(side: int) -> None:
    network = TrellisSupernet(2, 3, filters=2, layers=4, steps=2)
    with torch.no_grad():
        assert network(torch.randn(2, 2, side, side + 3)).shape == (2, 3, side, side + 3)
