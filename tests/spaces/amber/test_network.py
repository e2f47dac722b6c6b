"""The child and the final network: the original's figures, padding, reductions."""

from __future__ import annotations

import math

import pytest
import torch
from torch import Tensor, nn

from kit.ops import count
from kit.ops.convolutions import same_padding
from kit.spaces.amber import OPERATIONS, LayeredNetwork, child, final_network, from_tokens
from kit.spaces.amber.operations import AveragePool, MaxPool, SameConv1d
from tests.spaces.amber.values import VALUES, tokens_of


@pytest.mark.parametrize("name", VALUES["sizes"])
def test_sizes_of_final_networks(name: str) -> None:
    with torch.device("meta"):
        network = final_network((1, 1000), 4, from_tokens(tokens_of(name)))
    statistics = sum(v.numel() for k, v in network.named_buffers() if "running" in k)
    macs = count.multiply_adds(network, (1, 1000))
    assert [count.parameters(network), statistics, macs] == VALUES["sizes"][name]


@pytest.mark.parametrize(
    ("shape", "outputs", "parameters"), [((1, 46), 24, 8_593_628), ((4, 1000), 36, 9_364_376)]
)
def test_sizes_on_other_tasks(shape: tuple[int, int], outputs: int, parameters: int) -> None:
    with torch.device("meta"):
        network = final_network(shape, outputs, from_tokens(tokens_of("all_conv8_noskip")))
    assert count.parameters(network) == parameters


def test_the_child_answers_as_the_original() -> None:
    network = child((1, 1000), 4, layers=12)
    assert count.parameters(network) == 10_953_221
    _set_by_rule(network)
    x = torch.arange(2000, dtype=torch.float64).cos().float().reshape(2, 1, 1000)
    network.eval()
    for name, known in VALUES["child"].items():
        network.chosen = from_tokens(tokens_of(name))
        with torch.no_grad():
            answer = network(x).softmax(1)
        torch.testing.assert_close(answer, torch.tensor(known), rtol=0, atol=1e-5)


def test_the_child_of_an_architecture_is_its_final_network() -> None:
    """Given the same weights; what is not chosen has no say."""
    layers = from_tokens(tokens_of("mix")[:10])
    shared = child((2, 30), 3, layers=4, width=4, hidden=5).eval()
    shared.chosen = layers
    alone = final_network((2, 30), 3, layers, width=4, hidden=5).eval()
    for module in alone.modules():
        if isinstance(module, nn.BatchNorm1d):
            module.eps = 1e-5
    # Between the child's dense layers there is a dropout.
    given = {k.replace("head.5", "head.4"): v for k, v in shared.state_dict().items()}
    alone.load_state_dict({name: given[name] for name in alone.state_dict()})
    x = torch.randn(3, 2, 30)
    torch.testing.assert_close(alone(x), shared(x))


@pytest.mark.parametrize("length", [1, 2, 3, 5, 46, 63, 250])
@pytest.mark.parametrize(("size", "dilation"), [(8, 1), (4, 1), (8, 10), (4, 10), (1, 1)])
def test_same_padding_of_convolutions(length: int, size: int, dilation: int) -> None:
    """Even sizes see one more position after a place than before it."""
    torch.manual_seed(length)
    layer = SameConv1d(1, 1, size, dilation).double()
    x = torch.randn(1, 1, length, dtype=torch.float64)
    before = (size - 1) * dilation // 2
    for place, found in enumerate(layer(x)[0, 0]):
        places = [place + dilation * tap - before for tap in range(size)]
        terms = zip(places, layer.weight[0, 0], strict=True)
        wanted = sum(w * x[0, 0, at] for at, w in terms if 0 <= at < length)
        torch.testing.assert_close(found, torch.as_tensor(wanted, dtype=torch.float64))


@pytest.mark.parametrize(
    ("arguments", "known"),
    [
        ((1000, 8), (3, 4)),
        ((1000, 4), (1, 2)),
        ((1000, 8, 1, 10), (35, 35)),
        ((1000, 4, 1, 10), (15, 15)),
        ((250, 4, 4), (1, 1)),
        ((63, 4, 4), (0, 1)),
        ((1000, 4, 4), (0, 0)),
    ],
)
def test_same_padding_of_the_original(arguments: tuple[int, ...], known: tuple[int, int]) -> None:
    assert same_padding(*arguments) == known


@pytest.mark.parametrize("length", [1, 2, 3, 4, 7, 46, 63])
def test_pools_see_only_what_is_there(length: int) -> None:
    torch.manual_seed(length)
    x = torch.randn(2, 3, length) - 10  # below zero, which padding must not win over
    for stride in (1, 4):
        before, _ = same_padding(length, 4, stride)
        starts = range(-before, length - before if stride == 1 else length, stride)
        windows = [x[:, :, max(0, s) : s + 4] for s in starts][: -(-length // stride)]
        wanted = torch.stack([w.amax(2) for w in windows], 2)
        torch.testing.assert_close(MaxPool(stride)(x), wanted)
        if stride == 1:
            torch.testing.assert_close(
                AveragePool()(x), torch.stack([w.mean(2) for w in windows], 2)
            )


def test_what_is_not_chosen_only_takes_note() -> None:
    torch.manual_seed(0)
    shared = child((1, 20), 2, layers=4, width=4, hidden=5, dropout=0.0)
    shared.chosen = from_tokens([0, 4, 0, 6, 0, 0, 1, 0, 0, 0])
    x = torch.randn(4, 1, 20)
    plain = shared(x)
    other = shared.candidate(0, "conv-4")
    norm = other[1]
    assert isinstance(norm, nn.BatchNorm1d)
    assert norm.num_batches_tracked == 0
    shared.all_branches = True
    torch.testing.assert_close(shared(x), plain)
    assert norm.num_batches_tracked == 1
    shared.eval()(x)
    assert norm.num_batches_tracked == 1
    shared.zero_grad()
    shared.train()(x).sum().backward()
    assert other[0].weight.grad is None
    assert shared.candidate(0, "conv-8")[0].weight.grad is not None


@pytest.mark.parametrize(("length", "layers"), [(16, 12), (1, 12), (4, 3), (1, 2)])
def test_a_sequence_can_be_too_short(length: int, layers: int) -> None:
    least = {12: 17, 3: 5, 2: 2}[layers]
    with pytest.raises(ValueError, match=f"too short for {layers} layers.*: {least} are the few"):
        child((1, length), 2, layers=layers, width=2, hidden=2)
    network = child((1, least), 2, layers=layers, width=2, hidden=2).eval()
    assert network(torch.zeros(1, 1, least)).shape == (1, 2)


def _set_by_rule(network: LayeredNetwork) -> None:
    """Set weights by rule B over the original's order: scaled sin(k), position-major when dense."""
    k = 0

    def wave(number: int) -> Tensor:
        nonlocal k
        k += number
        return torch.arange(k - number, k, dtype=torch.float64).sin()

    def scaled(weight: Tensor, shape: list[int]) -> Tensor:
        fan_in = weight.numel() / shape[-1]
        return (wave(weight.numel()) * math.sqrt(2 / fan_in)).reshape(shape)

    def convolution(layer: nn.Module) -> None:
        assert isinstance(layer, nn.Conv1d)
        layer.weight.copy_(scaled(layer.weight, list(layer.weight.shape[::-1])).permute(2, 1, 0))

    def norm(layer: nn.Module) -> None:
        assert isinstance(layer, nn.BatchNorm1d)
        layer.bias.copy_(0.1 * wave(layer.bias.numel()))
        layer.weight.copy_(1 + 0.1 * wave(layer.weight.numel()))

    with torch.no_grad():
        convolution(network.stem[0])
        norm(network.stem[1])
        for number in range(12):
            for name in OPERATIONS[:6]:
                branch = network.candidate(number, name)
                convolution(branch[0])
                norm(branch[1])
                if name.startswith("conv"):
                    branch[2].get_parameter("bias").copy_(0.1 * wave(1))
            if number:
                norm(network.norms[number])
            if number in (2, 5, 8):
                for earlier in range(number + 1):
                    convolution(network.reductions[f"{earlier}_{(number + 1) // 3}"][0])  # type: ignore[index]
        first, last = (layer for layer in network.head if isinstance(layer, nn.Linear))
        dense = scaled(first.weight, [4096, 925])
        first.weight.copy_(dense.reshape(16, 256, 925).permute(1, 0, 2).reshape(4096, 925).T)
        first.bias.copy_(0.1 * wave(925))
        last.weight.copy_(scaled(last.weight, [925, 4]).T)
        last.bias.copy_(0.1 * wave(4))
