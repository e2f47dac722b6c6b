"""Alphas and betas: how they weigh, how they step, and which genotype they stand for."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch import Tensor

from kit.search import ExponentiatedGradient
from kit.spaces.darts.genotype import CELLS
from kit.spaces.darts.mixture import EDGES_OF_NODES, Mixtures, strongest
from tests.spaces.darts.originals import read

VALUES = read("supernets.json")
ALL_EQUAL = [["max_pool_3x3", 0], ["max_pool_3x3", 1]] * 4


def test_updates_are_those_of_the_originals() -> None:
    mixtures = Mixtures("softmax-of-simplex", "ones", "all").double()
    alphas, betas = mixtures.alphas["normal"], mixtures.betas["normal"]
    optimiser = ExponentiatedGradient([alphas, betas], 0.1)
    for step, expected in enumerate(VALUES["updates"]):
        alphas.grad = (torch.arange(112, dtype=torch.float64) + step).sin().view(14, 8)
        betas.grad = (torch.arange(14, dtype=torch.float64) + step).cos()
        optimiser.step()
        assert alphas[0].tolist() == pytest.approx(expected["alphas_row0"], rel=1e-12)
        assert alphas[13].tolist() == pytest.approx(expected["alphas_row13"], rel=1e-12)
        assert betas.tolist() == pytest.approx(expected["betas"], rel=1e-12)


@pytest.mark.parametrize("case", VALUES["parse"])
def test_genotypes_are_those_of_the_originals(case: dict[str, Any]) -> None:
    mixtures = Mixtures("softmax-of-simplex", "ones", "all")
    with torch.no_grad():
        for cell in CELLS:
            mixtures.alphas[cell].copy_(torch.tensor(case[f"alphas_{cell}"]))
            mixtures.betas[cell].copy_(torch.tensor(case[f"betas_{cell}"]))
    assert mixtures.genotype().value() == case["genotype"]


def test_equal_parameters_take_what_comes_first() -> None:
    for mixtures in (Mixtures(), Mixtures("softmax-of-simplex", "ones", "all")):
        assert mixtures.genotype().value() == dict.fromkeys(CELLS, ALL_EQUAL)


def test_none_never_wins_and_the_stronger_edge_is_first() -> None:
    rows: list[list[float]] = [
        [9.0, 1, 0],
        [9.0, 0, 2],
        [0, 3, 3],
        [0, 0, 1],
        [5, 3, 0],
        *[[1.0, 0, 0]] * 9,
    ]
    cell = strongest(rows, ("none", "a", "b"))
    assert cell[:4] == (("b", 1), ("a", 0), ("a", 0), ("a", 2))


def test_first_values() -> None:
    """Weights are distributions over operations and over a node's edges, whatever the switches."""
    for mixtures in (Mixtures(), Mixtures("softmax-of-simplex", "ones", "all")):
        mixture = mixtures("normal")
        assert torch.allclose(mixture.operations, torch.full((14, 8), 0.125))
        for edges in mixture.edges.split(EDGES_OF_NODES):
            assert torch.allclose(edges, torch.full_like(edges, 1 / len(edges)))
    assert Mixtures("simplex", "uniform", "all").betas["normal"].tolist() == pytest.approx(
        [1 / 14] * 14
    )
    assert bool((Mixtures(start="ones").alphas["reduce"] == 1).all())


def test_softmax_of_simplex_stays_nearly_uniform() -> None:
    """What the released switch does: a distribution with one entry weighs at most e / (7 + e)."""
    corner = torch.eye(8)[[0] * 14]
    for weighing, highest in (("simplex", 1.0), ("softmax-of-simplex", 0.2797)):
        mixtures = Mixtures(weighing)  # type: ignore[arg-type]
        mixtures.alphas["normal"].data = corner.clone()
        assert mixtures("normal").operations.max().item() == pytest.approx(highest, abs=1e-4)


@pytest.mark.parametrize(("beta_simplex", "sums"), [("all", [14]), ("node", [2, 3, 4, 5])])
def test_betas_are_distributions_over_all_edges_or_a_nodes(
    beta_simplex: Any, sums: list[int]
) -> None:
    mixtures = Mixtures("simplex", "uniform", beta_simplex)
    betas = mixtures.betas["normal"]
    betas.grad = torch.linspace(-3, 5, 14)
    groups = [{"params": [betas], "parts": mixtures.parts}]
    ExponentiatedGradient(groups, 0.1).step()
    for part in betas.detach().split(sums):
        assert float(part.sum()) == pytest.approx(1)
        assert bool((part.diff() < 0).all())


def test_a_step_is_mirror_descent_on_the_simplex() -> None:
    """It minimises <gradient, q> + KL(q, p) / rate over the simplex: nothing nearby is lower."""
    torch.manual_seed(0)
    p = torch.rand(6, dtype=torch.float64).softmax(0)
    gradient, rate = torch.randn(6, dtype=torch.float64), 0.3

    def objective(q: Tensor) -> float:
        return float(gradient @ q + (q * (q / p).log()).sum() / rate)

    q = torch.nn.Parameter(p.clone())
    q.grad = gradient
    ExponentiatedGradient([q], rate).step()
    found = q.detach()
    for _ in range(200):
        other = (found.log() + 0.1 * torch.randn(6, dtype=torch.float64)).softmax(0)
        assert objective(other) > objective(found)


def test_floor_keeps_what_would_vanish() -> None:
    """Before the sum is taken, of which the other entry is a half here."""
    for floor, lowest in ((1e-5, 2e-5), (None, 0)):
        p = torch.nn.Parameter(torch.tensor([0.5, 0.5]))
        p.grad = torch.tensor([0.0, 400.0])
        ExponentiatedGradient([p], 0.1, floor).step()
        assert p[1].item() == pytest.approx(lowest, abs=1e-7)
