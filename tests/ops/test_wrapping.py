from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from torch import Tensor

from kit.ops import agg_conv
from kit.ops.depthwise import grid_of
from kit.ops.plan import ConvShape
from tests.ops.cases import Case, relative_errors

PAPER = ((3, 5, 7, 9), (1, 3, 7, 15))


@contextmanager
def short_transforms() -> Iterator[None]:
    """Wherever they are possible at all."""
    grid_of.cache_clear()
    with mock.patch("kit.ops.wrapping.LEAST", 0), mock.patch("kit.ops.wrapping.WORTH", 1.0):
        yield
    grid_of.cache_clear()


def lengths(case: Case) -> tuple[int, ...]:
    conv = ConvShape(case.sizes, case.kernel_sizes, case.dilations, case.stride, case.groups)
    return grid_of(conv, torch.float64, torch.device("cpu"), True).lengths


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.tuples(st.integers(1, 24), st.integers(1, 24)),
    kernel_sizes=st.lists(st.integers(1, 9), min_size=1, max_size=3, unique=True).map(tuple),
    dilations=st.lists(st.sampled_from((1, 2, 3, 7)), min_size=1, max_size=3, unique=True),
    batch=st.integers(1, 3),
    stride=st.sampled_from((1, 1, 2)),
    memory=st.sampled_from(("fast", "small")),
    layout=st.sampled_from(("contiguous", "channels-last", "strided")),
)
def test_short_transforms_give_the_same_numbers(
    sizes: tuple[int, int],
    kernel_sizes: tuple[int, ...],
    dilations: list[int],
    batch: int,
    stride: int,
    memory: str,
    layout: str,
) -> None:
    case = Case(batch, 3, 3, sizes, kernel_sizes, tuple(dilations), stride, 3, layout)
    expected = case.run("mixed-results")
    with short_transforms():
        errors = relative_errors(case.run("fourier", memory=memory), expected)
    assert max(errors) < 1e-10, errors


@pytest.mark.parametrize(
    ("sizes", "kernel_sizes", "dilations", "expected"),
    [
        ((18, 18), *PAPER, (32, 32)),  # both axes wrap
        ((18, 20), *PAPER, (32, 36)),  # the first
        ((20, 18), *PAPER, (36, 32)),  # the last
        ((7, 7), (4,), (1,), (8, 8)),  # kernels of even size reach farther on one side
        ((21, 21), (3, 5), (6, 12), (32, 32)),  # two candidates reach as far
    ],
)
@pytest.mark.parametrize("memory", ["fast", "small"])
def test_every_kind_of_wrapping(
    sizes: tuple[int, int],
    kernel_sizes: tuple[int, ...],
    dilations: tuple[int, ...],
    expected: tuple[int, int],
    memory: str,
) -> None:
    case = Case(2, 2, 2, sizes, kernel_sizes, dilations, 1, 2)
    x, weights, alpha = case.tensors()

    def function(x: Tensor, alpha: Tensor, *weights: Tensor) -> Tensor:
        return agg_conv(
            x, weights, alpha, kernel_sizes, dilations, groups=2, method="fourier", memory=memory
        )

    with short_transforms():
        assert lengths(case) == expected
        errors = relative_errors(case.run("fourier", memory=memory), case.run("mixed-results"))
        assert max(errors) < 1e-10, errors
        assert torch.autograd.gradcheck(function, (x, alpha, *weights), fast_mode=True)


def test_the_shape_of_darcy_flow_goes_into_144_points() -> None:
    case = Case(1, 2, 2, (85, 85), *PAPER, 1, 2)
    assert lengths(case) == (144, 144)
    errors = relative_errors(case.run("fourier", torch.float32), case.run("dilation"))
    assert max(errors) < 1e-5, errors


@pytest.mark.parametrize(
    ("n", "expected"),
    [
        (61, 128),  # 120 points are twice the reach: taps at both ends would be in one place
        (121, 192),  # 180 are hardly fewer
        (29, 60),
    ],
)
def test_other_sizes_take_the_whole_length(n: int, expected: int) -> None:
    assert lengths(Case(1, 2, 2, (n, n), *PAPER, 1, 2)) == (expected, expected)


def test_a_stride_takes_the_whole_length() -> None:
    assert lengths(Case(1, 2, 2, (85, 85), *PAPER, 2, 2)) == (160, 160)
