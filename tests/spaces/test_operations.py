"""Candidate operations: sizes, and the small things in which spaces differ."""

from __future__ import annotations

import pytest
import torch
from torch import nn

from kit.spaces.names import OPERATIONS
from kit.spaces.operations import FactorizedReduce, Norm, Reduction, operation, shift


@pytest.mark.parametrize("dims", [1, 2])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("name", OPERATIONS)
def test_sizes(name: str, stride: int, dims: int) -> None:
    for size in (8, 9):
        x = torch.randn(2, 4, *[size] * dims)
        made = operation(name, 4, dims, stride=stride, pool_norm=Norm(affine=False))
        assert made(x).shape == (2, 4, *[-(-size // stride)] * dims)
        assert not name.startswith(("none", "skip")) or stride == 2 or not list(made.parameters())


def test_unknown_operation() -> None:
    with pytest.raises(ValueError, match="no operation 'conv_7x7'; there are none, max_pool"):
        operation("conv_7x7", 4, 2)


def test_halves_of_a_reduction() -> None:
    """The first reads positions 0, 2, ..., the second 1, 3, ... or the same."""
    x = torch.arange(1.0, 6).view(1, 1, 5)
    cases: list[tuple[Reduction, list[int]]] = [("shifted", [2, 4, 0]), ("same", [1, 3, 5])]
    for reduction, expected in cases:
        made = FactorizedReduce(1, 2, 1, reduction=reduction)
        made.norm = nn.Identity()
        for weight in made.parameters():
            nn.init.ones_(weight)
        assert made(x)[0].tolist() == [[1, 3, 5], expected]


def test_shift_leaves_even_axes_short_and_fills_odd_ones() -> None:
    x = torch.arange(12.0).view(1, 1, 3, 4)
    assert shift(x)[0, 0].tolist() == [[5, 6, 7], [9, 10, 11], [0, 0, 0]]


def test_means_leave_padding_out() -> None:
    made = operation("avg_pool_3x3", 1, 1)
    assert made(torch.tensor([[[2.0, 4.0, 6.0]]])).tolist() == [[[3.0, 4.0, 5.0]]]
