from __future__ import annotations

import pytest
import torch
from torch import nn
from torch.utils.flop_counter import FlopCounterMode

from kit.backbones import backbone
from kit.backbones.convnext import ChannelNorm, ConvNeXt, ConvNeXtBlock
from kit.errors import KitError
from kit.ops.count import multiply_adds, parameters
from kit.search import discretise, instantiate, mixtures, supernet

IMAGENET = (3, 224, 224)


def convnext(shape: tuple[int, ...] = (3, 32, 32), outputs: int = 5, **options: object) -> ConvNeXt:
    torch.manual_seed(0)
    network = backbone("convnext").build(shape, outputs, **options)
    assert isinstance(network, ConvNeXt)
    return network


def test_convnext_tiny_has_the_published_size() -> None:
    """28,589,128 parameters (28.6 M in the paper), 4.5 G multiply-adds at 224 x 224."""
    with torch.device("meta"):
        network = convnext(IMAGENET, 1000, patches=True)
    assert parameters(network) == 28_589_128
    assert multiply_adds(network, IMAGENET) / 1e9 == pytest.approx(4.5, abs=0.05)


def test_small_variant_keeps_the_size_of_its_input() -> None:
    network = convnext().eval()
    with FlopCounterMode(display=False) as counter:
        assert network(torch.randn(1, 3, 32, 32)).shape == (1, 5)
    assert counter.get_total_flops() == 2 * multiply_adds(network, (3, 32, 32))
    widths = [network.get_submodule(f"entries.{stage}.1").weight for stage in (1, 2, 3)]
    assert [len(weight) for weight in widths if isinstance(weight, torch.Tensor)] == [32, 64, 128]
    assert convnext(dense=True)(torch.randn(2, 3, 9, 12)).shape == (2, 5, 9, 12)
    with pytest.raises(KitError, match="without strides"):
        convnext(dense=True, patches=True)


def test_channel_norm_against_torchs_group_norm() -> None:
    """At one position a layer norm over channels is a group norm with one group."""
    norm = ChannelNorm(6, eps=1e-6)
    x = torch.randn(4, 6, 1, 1)
    assert torch.allclose(norm(x), nn.GroupNorm(1, 6, eps=1e-6)(x), atol=1e-6)


def test_stochastic_depth_grows_and_keeps_the_mean() -> None:
    blocks = [
        module for module in convnext(dropout=0.5).modules() if isinstance(module, ConvNeXtBlock)
    ]
    drops = [block.drop for block in blocks]
    assert drops[0] == 0
    assert drops == sorted(drops)
    assert drops[-1] == 0.5
    block = blocks[-1]
    with torch.no_grad():
        block.scale.fill_(1.0)
    x = torch.randn(1, 128, 4, 4).expand(4000, -1, -1, -1)
    whole = (block.eval()(x[:1]) - x[:1]).detach()
    branch = (block.train()(x) - x).detach()
    assert float((branch == 0).all(dim=(1, 2, 3)).float().mean()) == pytest.approx(0.5, abs=0.03)
    assert torch.allclose(branch.mean(0), whole[0], atol=0.05 * float(whole.abs().max()))


@pytest.mark.parametrize(("patches", "size"), [(True, 32), (False, 8)])
def test_each_block_has_its_own_choice(patches: bool, size: int) -> None:
    """The released code gives all blocks of a stage the choice of one layer of another."""
    network = convnext((3, size, size), width=4, patches=patches)
    searched = supernet(network, torch.randn(1, 3, size, size), (3, 5, 7), (1, 3))
    layers = mixtures(searched)
    assert len(layers) == 4 + 18
    for number, mixture in enumerate(layers.values()):
        with torch.no_grad():
            mixture.alpha.zero_()
            mixture.alpha[number % 6] = 1.0
    pairs = [(k, d) for k in (3, 5, 7) for d in (1, 3)]
    choices = discretise(searched)
    assert list(choices.values()) == [pairs[number % 6] for number in range(22)]
    found = instantiate(network, choices)
    for name, (k, d) in choices.items():
        layer = found.get_submodule(name)
        assert isinstance(layer, nn.Conv2d)
        assert (layer.kernel_size, layer.dilation) == ((k, k), (d, d))
        before = network.get_submodule(name)
        assert isinstance(before, nn.Conv2d)
        assert (layer.groups, layer.stride) == (before.groups, before.stride)
    x = torch.randn(2, 3, size, size)
    assert found(x).shape == searched(x).shape == network(x).shape == (2, 5)
