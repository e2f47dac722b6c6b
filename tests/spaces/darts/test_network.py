"""Networks of genotypes: counts and outputs of the originals."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from kit.ops import count
from kit.spaces.darts.genotype import Genotype
from kit.spaces.darts.network import DartsNetwork, drop_path
from kit.spaces.operations import Reduction
from tests.spaces.darts.originals import fill, network, read, sample

COUNTED = read("counts.json")["networks"]
CALLED = read("outputs.json")["networks"]
GENOTYPE = Genotype.of(COUNTED[0]["genotype"])


def name(case: dict[str, Any]) -> str:
    return f"{case['task']}-{case['seed']}"


@pytest.mark.parametrize("case", COUNTED, ids=name)
def test_counts_are_those_of_the_originals(case: dict[str, Any]) -> None:
    dense = case["family"] == "2d-dense"
    with torch.device("meta"):
        made = network(
            Genotype.of(case["genotype"]),
            case["input"][0],
            case["output"][-1],
            len(case["input"]) - 1,
            dense,
            channels=case["init_channels"],
            layers=20,
        )
    assert count.parameters(made) == case["parameters"]
    assert count.multiply_adds(made, case["input"]) == case["macs"]


@pytest.mark.parametrize("case", CALLED, ids=name)
def test_outputs_are_those_of_the_originals(case: dict[str, Any]) -> None:
    """In training, then in evaluation: where the released normalisation shows."""
    dims = len(case["input"]) - 2
    made = network(
        Genotype.of(case["genotype"]),
        case["input"][1],
        case["classes"],
        dims,
        "dense" in case["family"],
        channels=case["C"],
        layers=case["layers"],
    ).double()
    fill(list(made.parameters()), case["A"])
    x = sample(case["input"])
    for mode, key in ((True, "train"), (False, "eval_after_one_training_forward")):
        y = made.train(mode)(x).flatten()
        expected = case[key]
        first = torch.tensor(expected["first"], dtype=torch.float64)
        assert torch.allclose(y[: len(first)], first, rtol=1e-8, atol=1e-8)
        assert float(y.sum().detach()) == pytest.approx(expected["sum"], rel=1e-8)


def test_auxiliary_head_of_cifar() -> None:
    plain, both = (
        DartsNetwork(GENOTYPE, 3, 100, channels=36, layers=20, auxiliary=auxiliary)
        for auxiliary in (False, True)
    )
    assert count.parameters(both) - count.parameters(plain) == 545_636
    answers = both.train()(torch.randn(2, 3, 32, 32))
    assert [each.shape for each in answers] == [(2, 100), (2, 100)]
    assert both.eval()(torch.randn(1, 3, 32, 32)).shape == (1, 100)


def test_dropped_paths_are_whole_samples_and_keep_their_mean() -> None:
    torch.manual_seed(0)
    dropped = drop_path(torch.ones(4000, 2, 3), 0.25)
    values = dropped.flatten(1)
    assert bool((values == values[:, :1]).all())
    assert set(values.unique().tolist()) == {0, float(torch.tensor(1 / 0.75))}
    assert float(dropped.mean()) == pytest.approx(1, abs=0.03)


def test_drop_path_is_of_training_alone() -> None:
    made = DartsNetwork(GENOTYPE, 3, 4, channels=4, layers=3)
    x = torch.randn(2, 3, 8, 8)
    plain = made.train()(x)
    made.drop = 0.5
    assert not torch.equal(made(x), plain)
    made.eval()
    assert torch.equal(made(x), made(x))


@pytest.mark.parametrize("shape", [(3, 10, 7), (3, 9)])
def test_maps_of_any_size(shape: tuple[int, ...]) -> None:
    reductions: tuple[Reduction, ...] = ("shifted", "same")
    for reduction in reductions:
        made = DartsNetwork(
            GENOTYPE, 3, 4, dims=len(shape) - 1, channels=4, layers=3, reduction=reduction
        )
        assert made(torch.randn(2, *shape)).shape == (2, 4)
