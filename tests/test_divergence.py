from __future__ import annotations

import math

import pytest
import torch
from torch import nn

from kit import divergence
from kit.errors import DivergedError
from kit.trials.best import best_of, rank


def test_numbers_come_as_they_are() -> None:
    third = torch.tensor(1.0) / 3
    found, finite = divergence.read({"loss": third, "other": torch.tensor(2.0)}, [torch.ones(3)])
    assert found == {"loss": float(third), "other": 2.0}
    assert finite
    assert divergence.read({}) == ({}, True)
    assert divergence.read({"loss": torch.tensor(math.inf)}) == ({"loss": math.inf}, True)


@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf])
@pytest.mark.parametrize("kind", [torch.float32, torch.float64, torch.bfloat16, torch.complex64])
def test_one_weight_in_many_is_found(value: float, kind: torch.dtype) -> None:
    weights = [torch.zeros(5, 5, dtype=kind), torch.arange(4), torch.full((), 3e38).to(kind)]
    assert divergence.read({}, weights)[1]
    weights[0][3, 2] = value
    assert not divergence.read({}, weights)[1]


def test_weights_without_elements_are_finite() -> None:
    empty = torch.empty(0, 2)
    assert divergence.read({}, [empty]) == ({}, True)
    assert divergence.read({"loss": torch.tensor(1.0)}, [empty, torch.ones(2)]) == (
        {"loss": 1},
        True,
    )
    assert not divergence.read({}, [torch.tensor([math.inf]), empty])[1]


def test_the_reason_names_what_is_not_finite() -> None:
    network = nn.Sequential(nn.Linear(2, 2), nn.Linear(2, 2))
    divergence.check("search, epoch 1", 0.5, True)
    with pytest.raises(DivergedError, match="search, epoch 3: the loss is nan"):
        divergence.check("search, epoch 3", math.nan, True)
    found = list(network.named_parameters())
    found[-1][1].data[1] = math.inf
    with pytest.raises(DivergedError, match=r"search, epoch 3: 1\.bias is not finite"):
        divergence.check("search, epoch 3", 0.5, False, found)


@pytest.mark.parametrize(
    ("scores", "best"),
    [
        ([2.0, 1.0, 1.0], 1),
        ([math.nan, 3.0], 1),
        ([None, 3.0, math.nan], 1),
        ([math.inf, 3.0], 1),
        ([-math.inf, 3.0], 1),
    ],
)
def test_what_is_no_number_loses(scores: list[float | None], best: int) -> None:
    assert best_of(scores) == best
    assert rank(scores[best]) < math.inf


@pytest.mark.parametrize("scores", [[math.nan], [None, math.inf]])
def test_no_best_among_what_is_no_number(scores: list[float | None]) -> None:
    with pytest.raises(DivergedError, match=f"none of {len(scores)} trials has a score"):
        best_of(scores)
