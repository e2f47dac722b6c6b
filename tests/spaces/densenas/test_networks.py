"""Networks of architectures: counts and outputs of the originals."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kit.ops import count
from kit.spaces.densenas.blocks import Block, Blocks, parse
from kit.spaces.densenas.network import ChainNetwork
from tests.spaces.densenas.originals import VALUES, fill, sample

OUTPUTS = {
    **{"cifar-100": 100, "spherical": 100, "ninapro": 18, "fsd50k": 200, "darcy-flow": 1},
    **{"psicov": 1, "cosmic": 1, "ecg": 4, "satellite": 24, "deepsea": 36},
}
DENSE = {"darcy-flow", "psicov", "cosmic"}
# Of the others, which have the same definition, the counts do.
SMALL = [case for case in VALUES["networks"] if case["parameters"] <= 2e6]


def network(case: dict[str, Any], shape: list[int]) -> ChainNetwork:
    blocks, task = parse(Blocks().read(case["text"])), case["task"]
    return ChainNetwork(blocks, shape, OUTPUTS[task], dense=task in DENSE)


@pytest.mark.parametrize("case", VALUES["networks"], ids=lambda case: case["task"])
def test_counts_are_those_of_the_originals(case: dict[str, Any]) -> None:
    shape = case["counted"]
    with torch.device("meta"):
        made = network(case, shape)
    assert count.parameters(made) == case["parameters"]
    # To the last multiply-add: the values are of millions.
    assert count.multiply_adds(made, shape) == round(1e6 * case["mega_macs"])


@pytest.mark.parametrize("case", SMALL, ids=lambda case: case["task"])
def test_outputs_are_those_of_the_originals(case: dict[str, Any]) -> None:
    values = case["outputs"]
    made = network(case, values["input"][1:]).double()
    fill(made, list(made.parameters()))
    for mode in ("eval", "train"):
        with torch.no_grad():
            found = made.train(mode == "train")(sample(values["input"]))
        if case["task"] in DENSE:
            found = found.movedim(1, -1)
        expected = values[mode]
        assert float(found.sum()) == pytest.approx(expected["sum"], rel=1e-9, abs=1e-12)
        assert found.flatten()[:6].tolist() == pytest.approx(expected["first"], rel=1e-9)


@pytest.mark.parametrize("shape", [(2, 9), (2, 9, 6)])
def test_padding_is_zeros_around_the_sample(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    made = ChainNetwork([Block(4, 6, 2, 1)], shape, 3, dense=True, pad=1).eval()
    bare = ChainNetwork([Block(4, 6, 2, 1)], shape, 3, dense=True).eval()
    bare.load_state_dict(made.state_dict())
    x = torch.randn(2, *shape)
    padded = torch.nn.functional.pad(x, (1, 1) * (len(shape) - 1))
    assert torch.equal(made(x), bare(padded))
    assert made(x).shape == (2, 3, *[-(-(size + 2) // 2) for size in shape[1:]])


def test_a_chain_of_no_blocks() -> None:
    with pytest.raises(ValueError, match="a chain has at least one block"):
        ChainNetwork([], (3, 8, 8), 2, dense=False)
