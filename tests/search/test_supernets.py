from __future__ import annotations

import math

import pytest
import torch
import torch.nn.functional as F
from torch import nn

from kit.backbones import backbone
from kit.search import (
    AlphaGradients,
    Choices,
    discretise,
    gumbel_softmax,
    instantiate,
    mixtures,
    supernet,
)
from kit.search.architecture import Padding
from kit.search.gradients import Field

K, D = (3, 5, 7), (1, 3)


class UNet(nn.Module):
    """A small network that no one prepared for a search: strides, a skip, an odd one out."""

    def __init__(self) -> None:
        super().__init__()
        self.down = nn.Conv2d(2, 6, 3, stride=2, padding=1)
        self.middle = nn.Sequential(nn.BatchNorm2d(6), nn.Conv2d(6, 6, 3, padding=1), nn.ReLU())
        self.downsample_match = nn.Conv2d(2, 6, 1, stride=2)
        self.up = nn.ConvTranspose2d(6, 3, 2, stride=2)
        self.unused = nn.Conv2d(3, 3, 3, padding=1)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        y = self.middle(self.down(x)) + self.downsample_match(x)
        return self.up(y)


def test_searchable_layers_of_the_backbones() -> None:
    wide = backbone("wide-resnet").build((3, 16, 16), 10, width=1)
    assert len(mixtures(supernet(wide, torch.randn(1, 3, 16, 16), K, D))) == 13
    one = backbone("wide-resnet-1d").build((2, 40), 10, width=4)
    assert len(mixtures(supernet(one, torch.randn(1, 2, 40), K, D))) == 9


def test_any_module_keeps_its_shapes_and_is_not_changed() -> None:
    module, x = UNet(), torch.randn(3, 2, 12, 12)
    before = {name: value.clone() for name, value in module.state_dict().items()}
    network = supernet(module, x[:1], K, D)
    assert list(mixtures(network)) == ["down", "middle.1"]
    assert network(x).shape == module(x).shape
    assert network.training
    for name, value in module.state_dict().items():
        if "running" not in name and "num_batches" not in name:
            assert torch.equal(value, before[name])


def test_statistics_of_batch_norms_survive_the_look_around() -> None:
    network = supernet(UNet(), torch.randn(4, 2, 12, 12), K, D)
    norm = network.get_submodule("middle.0")
    assert isinstance(norm, nn.BatchNorm2d)
    assert norm.num_batches_tracked == 0


def test_separable_layers_are_those_of_equal_width() -> None:
    module, x = UNet(), torch.randn(1, 2, 12, 12)
    groups = [layer.groups for layer in mixtures(supernet(module, x, K, D)).values()]
    assert groups == [1, 6]
    dense = mixtures(supernet(module, x, K, D, separable=False)).values()
    assert [layer.groups for layer in dense] == [1, 1]


def test_what_cannot_be_searched_is_told() -> None:
    x = torch.randn(1, 2, 12, 12)
    with pytest.raises(ValueError, match="exclude them by name: 0"):
        supernet(nn.Sequential(nn.Conv2d(2, 2, 3)), x, K, D)
    with pytest.raises(ValueError, match="no convolution to search"):
        supernet(UNet(), x, K, D, exclude=("down", "middle"))


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("size", [12, 13])
def test_one_hot_supernet_equals_the_network_it_stands_for(stride: int, size: int) -> None:
    """Search and retraining compute the same function: same weights, same padding, same stride."""
    module = nn.Sequential(nn.Conv2d(2, 5, 3, stride=stride, padding=1)).double()
    x = torch.randn(2, 2, size, size, dtype=torch.float64)
    network = supernet(module, x, K, D, gumbel=False).double()
    (layer,) = mixtures(network).values()
    with torch.no_grad():
        layer.alpha.fill_(-1e9)
        layer.alpha[3] = 0.0
    choices = discretise(network)
    assert choices == {"0": (5, 3)}
    final = instantiate(module, choices)
    convolution = final.get_submodule("0")
    assert isinstance(convolution, nn.Conv2d)
    assert layer.bias is not None
    with torch.no_grad():
        convolution.weight.copy_(layer.weights[3])
        assert convolution.bias is not None
        convolution.bias.copy_(layer.bias)
    assert torch.allclose(network(x), final(x), atol=1e-12)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("sizes", [(5, 12), (1, 40), (8, 8)])
def test_skipped_taps_change_nothing(sizes: tuple[int, int], stride: int) -> None:
    """Against torch's convolution with all taps: outputs and gradients."""
    torch.manual_seed(0)
    module = nn.Sequential(nn.Conv2d(2, 3, 3, stride=stride, padding=1)).double()
    network = instantiate(module, {"0": (9, 3)})
    layer = network.get_submodule("0")
    assert isinstance(layer, nn.Conv2d)
    x = torch.randn(2, 2, *sizes, dtype=torch.float64, requires_grad=True)
    whole = F.conv2d(x, layer.weight, layer.bias, stride, 12, 3)
    clipped = network(x)
    assert torch.allclose(clipped, whole, atol=1e-12)
    upstream = torch.randn_like(whole)
    left = torch.autograd.grad(whole, [x, layer.weight], upstream)
    right = torch.autograd.grad(clipped, [x, layer.weight], upstream)
    for ours, theirs in zip(right, left, strict=True):
        assert torch.allclose(ours, theirs, atol=1e-12)


def test_architecture_found_at_one_width_fits_another() -> None:
    narrow = backbone("wide-resnet").build((3, 16, 16), 10, width=1)
    wide = backbone("wide-resnet").build((3, 16, 16), 10, width=2)
    network = supernet(narrow, torch.randn(1, 3, 16, 16), K, D)
    final = instantiate(wide, discretise(network))
    assert final(torch.randn(2, 3, 16, 16)).shape == (2, 10)


def test_causal_convolutions_do_not_see_the_future() -> None:
    module = nn.Sequential(nn.Conv1d(1, 1, 8, padding="same"))
    x = torch.randn(1, 1, 30)
    later = x.clone()
    later[..., 20:] += 1
    paddings: tuple[tuple[Padding, bool], ...] = (("causal", True), ("centred", False))
    for padding, causal in paddings:
        network = instantiate(module, {"0": (7, 3)}, padding)
        same = torch.equal(network(x)[..., :20], network(later)[..., :20])
        assert network(x).shape == x.shape
        assert same == causal


@pytest.mark.parametrize(
    ("choices", "padding", "words"),
    [
        ({"1": (3, 1)}, "centred", "no convolution here"),
        ({"0": (4, 1)}, "centred", "is even"),
        ({"0": (3, 1)}, "causal", "1D"),
    ],
)
def test_wrong_architectures_are_refused(choices: Choices, padding: Padding, words: str) -> None:
    module = nn.Sequential(nn.Conv2d(1, 1, 3, padding=1))
    with pytest.raises(ValueError, match=words):
        instantiate(module, choices, padding)


def test_gumbel_noise_is_fresh_and_picks_in_proportion() -> None:
    torch.manual_seed(0)
    alpha = torch.tensor([0.0, math.log(3.0)])
    draws = torch.stack([gumbel_softmax(alpha) for _ in range(4000)])
    assert torch.allclose(draws.sum(1), torch.ones(4000))
    assert float((draws.argmax(1) == 1).float().mean()) == pytest.approx(0.75, abs=0.03)


@pytest.mark.parametrize(
    ("field", "penalty"),
    [
        ("extent", [3.0, 7.0, 5.0, 13.0]),  # d (k - 1) + 1, kernel sizes outermost
        ("ten-kernel-sizes", [30.0, 30.0, 50.0, 50.0]),
    ],
)
def test_alpha_gradients_by_hand(field: Field, penalty: list[float]) -> None:
    network = supernet(UNet(), torch.randn(1, 2, 12, 12), (3, 5), (1, 3))
    layers = list(mixtures(network).values())
    gradient = torch.tensor([3.0, 0.0, 4.0, 0.0])
    for layer in layers:
        layer.alpha.grad = gradient.clone()
    AlphaGradients(layers, scale=100.0, penalty=1e-5, field=field).shape()
    expected = gradient / 500 + 1e-5 * torch.tensor(penalty)
    for layer in layers:
        assert layer.alpha.grad is not None
        assert torch.allclose(layer.alpha.grad, expected, atol=1e-9)
    layers[0].alpha.grad = gradient.clone()
    AlphaGradients(layers, scale=0, penalty=0.0, field="extent").shape()
    assert torch.equal(layers[0].alpha.grad, gradient)


def test_direct_and_fourier_searches_part_by_rounding_alone() -> None:
    """Thirty steps in double precision with the same noise: the same alphas to nine digits."""
    torch.manual_seed(0)
    module = nn.Sequential(
        nn.Conv2d(2, 4, 3, padding=1), nn.Tanh(), nn.Conv2d(4, 4, 3, padding=1), nn.Flatten()
    ).double()
    x = torch.randn(4, 2, 8, 8, dtype=torch.float64)
    y = x.roll(3, 2).repeat(1, 2, 1, 1).flatten(1)
    found = []
    for method in ("fourier", "dilation"):
        torch.manual_seed(1)
        network = supernet(module, x[:1], (3, 5), (1, 3), method=method)
        layers = mixtures(network).values()
        optimiser = torch.optim.SGD(network.parameters(), lr=0.1, momentum=0.9, nesterov=True)
        shaper = AlphaGradients(layers, scale=1.0, penalty=1e-5, field="extent")
        before = torch.stack([layer.alpha.detach().clone() for layer in layers])
        for _ in range(30):
            optimiser.zero_grad()
            F.mse_loss(network(x), y).backward()
            shaper.shape()
            optimiser.step()
        alphas = torch.stack([layer.alpha.detach() for layer in layers])
        assert float((alphas - before).abs().max()) > 0.1, "a search that went somewhere"
        found.append((alphas, discretise(network)))
    assert torch.allclose(found[0][0], found[1][0], atol=1e-9)
    assert found[0][1] == found[1][1]
