"""Networks of architectures: sizes and outputs of the original, and the order of operations."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import nn

from kit import paths
from kit.architecture import load
from kit.ops import count
from kit.spaces.auto_deeplab.kind import Trellis
from kit.spaces.auto_deeplab.layout import OpOrder
from kit.spaces.auto_deeplab.network import TrellisNetwork
from tests.spaces.auto_deeplab.originals import VALUES, fill, inputs, named, of_network

STORED = paths.project() / "kit/methods/auto_deeplab/architectures"
# Parameters, and multiply-adds at 128 x 128 in millions, with the input channels of their tasks.
SIZES = {
    "darcy-flow/df40-lr0.0025": (3, 17_277_441, 864),
    "darcy-flow/df40-lr0.025": (3, 22_708_161, 1_084),
    "psicov/prot-lr0.025": (57, 5_442_209, 1_694),
    "psicov/prot29-lr0.025": (57, 3_303_649, 3_498),
    "psicov/prot40-lr0.0025": (57, 12_840_481, 1_025),
}


def stored(name: str) -> Any:
    return load(STORED / f"{name}.json", Trellis())


def build(value: Any, channels: int, op_order: OpOrder = "ascending") -> TrellisNetwork:
    return TrellisNetwork(channels, 1, value["path"], value["cell"], op_order=op_order)


@pytest.mark.parametrize("name", SIZES)
def test_sizes_of_the_stored_networks(name: str) -> None:
    channels, parameters, millions = SIZES[name]
    with torch.device("meta"):
        network = build(stored(name), channels)
    assert count.parameters(network) == parameters
    assert round(count.multiply_adds(network, (channels, 128, 128)) / 1e6) == millions


@pytest.mark.parametrize("name", VALUES["networks"])
@pytest.mark.parametrize("channels", [1, 57])
def test_sizes_of_the_original(name: str, channels: int) -> None:
    known = VALUES["networks"][name]
    with torch.device("meta"):
        network = build({**known, "cell": named(known["cell"])}, channels)
    assert count.parameters(network) == known[f"params_in{channels}"]
    assert count.parameters(network.pyramid) == known["params_aspp"]
    assert count.parameters(network.decoder) == known["params_decoder"]
    adds = count.multiply_adds(network, (channels, 128, 128))
    assert adds == round(known[f"macs128_in{channels}_M"] * 1e6)


@pytest.mark.parametrize("order", ["rows", "ascending"])
@pytest.mark.parametrize("kind", ["sin k", "cos 1.7 k"])
def test_sizes_of_what_was_decoded(kind: str, order: OpOrder) -> None:
    known = VALUES["decoded"][kind]
    with torch.device("meta"):
        network = build({**known, "cell": named(known["cell"])}, 3, order)
    assert count.parameters(network) == known["retrain_params_in3"]
    adds = count.multiply_adds(network, (3, 128, 128))
    assert adds == round(known["retrain_macs128_in3_M"] * 1e6)


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("df40_lr0.0025", "darcy-flow/df40-lr0.0025"),
        ("prot_lr0.025", "psicov/prot-lr0.025"),
    ],
)
def test_outputs_of_the_original(name: str, file: str) -> None:
    known = VALUES["outputs"][name]
    network = build(stored(file), known["input"][1]).double()
    fill(of_network(network))
    x = inputs(*known["input"])
    for mode in ("eval", "train"):
        network.train(mode == "train")
        for layer in network.modules():
            if isinstance(layer, nn.Dropout):
                layer.eval()
        with torch.no_grad():
            y = network(x)
        assert list(y.shape) == known[mode]["shape"]
        assert y.sum().item() == pytest.approx(known[mode]["sum"], rel=1e-9)
        assert y.abs().sum().item() == pytest.approx(known[mode]["sumabs"], rel=1e-9)
        assert y.flatten()[:6].tolist() == pytest.approx(known[mode]["first"], rel=1e-8)
        assert y.flatten()[-1].item() == pytest.approx(known[mode]["last"], rel=1e-8)


def test_the_order_of_operations_is_another_network() -> None:
    """Where the stronger edge of a step is the later one, its operation lands on the other edge."""
    value = stored("darcy-flow/df40-lr0.025")
    own, swapped = (build(value, 3, order) for order in ("rows", "ascending"))
    assert count.parameters(own) == count.parameters(swapped)
    shapes = [[w.shape for w in each.cells[0].parameters()] for each in (own, swapped)]
    assert shapes[0] != shapes[1]
    assert sorted(shapes[0]) == sorted(shapes[1])


@pytest.mark.parametrize("side", [32, 37, 64, 85])
def test_any_size_comes_out_as_it_went_in(side: int) -> None:
    path, cell = (
        [1, 2, 3, 2],
        [(0, "sep_conv_3x3"), (1, "none"), (4, "max_pool_3x3"), (2, "skip_connect")],
    )
    network = TrellisNetwork(2, 3, path, cell, filters=2, width=8).eval()
    with torch.no_grad():
        assert network(torch.randn(2, 2, side, side + 3)).shape == (2, 3, side, side + 3)
