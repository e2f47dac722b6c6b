"""TE-NAS's supernets, held to what its own networks give (``scores.json``)."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from kit.spaces.darts.genotype import Genotype
from kit.spaces.darts.prunable import (
    OPERATIONS,
    SOURCES,
    PrunableSupernet,
    Remaining,
    everything,
    genotype,
    without,
)
from kit.spaces.scores import condition_number, linear_regions, tangent_kernel

CASES = json.loads((Path(__file__).parent / "scores.json").read_text())["cases"]
# Numbers of the stem that the original's network without one has all the same.
UNUSED = 9


def filled(network: nn.Module, start: int, *, out: bool) -> nn.Module:
    """Set the weights by the rule of ``scores.json``."""
    for module in network.modules():
        if not isinstance(module, nn.Conv2d | nn.Linear):
            continue
        weight = module.weight
        fan = weight[0].numel() if not out else weight.shape[0] * weight[0, 0].numel()
        numbers = torch.arange(start, start + weight.numel(), dtype=torch.float64)
        start += weight.numel()
        with torch.no_grad():
            weight.copy_((2 / math.sqrt(fan) * numbers.sin()).view_as(weight))
            if module.bias is not None:
                module.bias.zero_()
    return network


def sample(*shape: int) -> Tensor:
    numbers = torch.arange(math.prod(shape), dtype=torch.float64)
    return (numbers * numbers / 7).cos().view(shape)


@pytest.mark.parametrize("case", CASES, ids=[case["case"] for case in CASES])
def test_scores_are_the_original_s(case: dict[str, Any]) -> None:
    network = PrunableSupernet(3, 10).double()
    network.remaining = case["remaining"]
    kernel = tangent_kernel(filled(network, 0, out=True), sample(6, 3, 12, 12))
    assert condition_number(kernel) == pytest.approx(case["condition_number"], rel=1e-6)
    thin = PrunableSupernet(1, 10, stem=False).double()
    thin.remaining = case["remaining"]
    batches = sample(300, 1, 3, 3).split(100)
    assert linear_regions(filled(thin, UNUSED, out=False), batches) == case["regions"]


def test_sizes() -> None:
    network = PrunableSupernet(3, 10)
    assert sum(each.numel() for each in network.parameters()) == 5431
    assert [len(edge) for edge in everything()[0]] == [7] * 14


@pytest.mark.parametrize(
    ("dims", "shape"), [(2, (3, 9, 8)), (2, (3, 1, 1)), (1, (3, 7))], ids=["2d", "point", "1d"]
)
def test_any_size_of_map(dims: int, shape: tuple[int, ...]) -> None:
    assert PrunableSupernet(3, 4, dims=dims)(torch.randn(2, *shape)).shape == (2, 4)


def _left(active: list[list[list[int]]]) -> Remaining:
    """Return what is left where these edges have one operation each, as (edge, operation)."""
    return tuple(
        tuple(tuple(number for edge, number in cell if edge == place) for place in range(14))
        for cell in active
    )


def test_genotype_of_the_original() -> None:
    # What TE-NAS's own parsing makes of one operation on each of two edges of a node.
    active = [
        [[0, 1], [1, 2], [2, 2], [4, 3], [5, 3], [8, 4], [9, 4], [13, 5]],
        [[0, 2], [1, 2], [2, 3], [4, 3], [5, 4], [8, 4], [9, 5], [13, 5]],
    ]
    found = genotype(_left(active))
    assert found == Genotype.of(
        "Genotype(normal=[('skip_connect', 0), ('sep_conv_3x3', 1), ('sep_conv_3x3', 0), "
        "('sep_conv_5x5', 2), ('sep_conv_5x5', 0), ('dil_conv_3x3', 3), ('dil_conv_3x3', 0), "
        "('dil_conv_5x5', 4)], normal_concat=[2, 3, 4, 5], reduce=[('sep_conv_3x3', 0), "
        "('sep_conv_3x3', 1), ('sep_conv_5x5', 0), ('sep_conv_5x5', 2), ('dil_conv_3x3', 0), "
        "('dil_conv_3x3', 3), ('dil_conv_5x5', 0), ('dil_conv_5x5', 4)], "
        "reduce_concat=[2, 3, 4, 5])"
    )


def test_genotype_takes_edges_with_the_fewest_operations_then_the_lowest() -> None:
    left = [list(edge) for edge in everything()[0]]
    left[2], left[3], left[4] = [], [5, 7], [3, 4]
    found = genotype((tuple(map(tuple, left)), everything()[1]))
    assert found.normal[:4] == (
        ("skip_connect", 0),
        ("skip_connect", 1),
        ("dil_conv_5x5", 1),
        ("sep_conv_5x5", 2),
    )
    assert found.reduce[2:4] == (("skip_connect", 0), ("skip_connect", 1))


def test_without() -> None:
    some = everything(["avg_pool_3x3", "skip_connect"])
    assert some[0][0] == (1, 6)
    left = without(some, (0, 3, 1), (1, 13, 6))
    assert (left[0][3], left[1][13], left[0][13], left[1][3]) == ((6,), (1,), (1, 6), (1, 6))
    assert [OPERATIONS[number] for number in left[0][3]] == ["avg_pool_3x3"]
    assert SOURCES[:5] == (0, 1, 0, 1, 2)
    with pytest.raises(ValueError, match="there is no operation 'conv'"):
        everything(["conv"])
