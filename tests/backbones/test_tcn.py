from __future__ import annotations

import copy

import pytest
import torch
from torch import nn

from kit.backbones import backbone
from kit.backbones.tcn import Tcn
from kit.ops.count import multiply_adds, parameters
from kit.search import discretise, instantiate, mixtures, supernet


def tcn(**options: object) -> Tcn:
    torch.manual_seed(0)
    network = backbone("tcn").build((2, 40), 3, **options)
    assert isinstance(network, Tcn)
    return network


def test_size_as_released() -> None:
    """Sixteen convolutions 100 x 100 x 7 but the first, two batch norms a level, one at the end."""
    convolutions = (2 * 100 + 15 * 100 * 100) * 7 + 16 * 100
    norms, matching, linear = 17 * 200, 2 * 100 + 100, 303
    plain = convolutions + norms + matching + linear
    assert parameters(tcn(weight_norm=False)) == plain
    assert parameters(tcn()) == plain + 16, "weight norm over whole weights: one number each"
    macs = ((2 * 100 + 15 * 100 * 100) * 7 + 2 * 100) * 40 + 300
    assert multiply_adds(tcn(), (2, 40)) == macs


@pytest.mark.parametrize(("padding", "causal"), [("causal", True), ("centred", False)])
def test_causal_or_centred(padding: str, causal: bool) -> None:
    network = tcn(width=8, padding=padding, levels=3).eval()
    x = torch.randn(1, 2, 40)
    later = x.clone()
    later[..., 25:] += 1
    early = [network.levels(each)[..., :25] for each in (x, later)]
    assert torch.equal(early[0], early[1]) == causal
    assert network(x).shape == (1, 3)


def test_readout_and_dense() -> None:
    x = torch.randn(2, 2, 40)
    last, mean = (tcn(width=8, readout=readout).eval() for readout in ("last", "mean"))
    features = last.bn(last.levels(x))
    assert torch.equal(last(x), last.linear(features[..., -1]))
    assert torch.equal(mean(x), mean.linear(features.mean(dim=2)))
    assert tcn(width=8, dense=True)(x).shape == (2, 3, 40)


def test_weight_norm_is_one_norm_per_weight() -> None:
    layer = tcn(width=8).get_submodule("levels.1.layers.0")
    assert isinstance(layer, nn.Conv1d)
    gain, direction = _normalised(layer)
    assert gain.numel() == 1
    expected = gain * direction / direction.norm()
    assert torch.allclose(layer.weight, expected)


@pytest.mark.parametrize("weight_norm", [True, False])
def test_initialise_draws_everything_anew(weight_norm: bool) -> None:
    first = tcn(width=50, weight_norm=weight_norm)
    second = copy.deepcopy(first)
    module = backbone("tcn")
    torch.manual_seed(0)
    module.initialise(second)
    for left, right in zip(first.parameters(), second.parameters(), strict=True):
        assert left.shape == right.shape
    changed = tcn(width=50, weight_norm=weight_norm)
    torch.manual_seed(1)
    module.initialise(changed)
    for name, layer in changed.named_modules():
        before = first.get_submodule(name)
        if isinstance(layer, nn.Conv1d | nn.Linear) and isinstance(before, nn.Conv1d | nn.Linear):
            assert not torch.equal(layer.weight, before.weight)
    layer = changed.get_submodule("levels.3.layers.0")
    assert isinstance(layer, nn.Conv1d)
    deviation = float(layer.weight.detach().std())
    # Under weight norm torch's own: uniform within 1 / sqrt(50 * 7).
    assert deviation == pytest.approx((350 * 3) ** -0.5 if weight_norm else 0.01, rel=0.05)


def test_searched_and_found_with_its_weight_norm() -> None:
    network = tcn(width=8)
    searched = supernet(network, torch.randn(1, 2, 40), (3, 7), (1, 3))
    assert len(mixtures(searched)) == 16
    assert searched(torch.randn(2, 2, 40)).shape == (2, 3)
    found = instantiate(network, discretise(searched), "causal")
    assert found(torch.randn(2, 2, 40)).shape == (2, 3)
    layer = found.get_submodule("levels.2.layers.4")
    assert isinstance(layer, nn.Conv1d)
    assert layer.kernel_size[0] in (3, 7)
    assert _normalised(layer)[0].numel() == 1
    torch.manual_seed(1)
    backbone("tcn").initialise(found)
    assert parameters(found) == parameters(instantiate(network, discretise(searched)))


def _normalised(layer: nn.Conv1d) -> list[nn.Parameter]:
    return list(layer.get_submodule("parametrizations.weight").parameters())
