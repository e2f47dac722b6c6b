from __future__ import annotations

from unittest import mock

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from kit.ops.phase_plan import GAIN, best, divide, serves
from kit.ops.phases import phases
from kit.ops.plan import ConvShape
from tests.ops.cases import Case, relative_errors

WIDE = ((3, 5, 7, 9), (1, 3, 7, 15))


def conv_of(case: Case) -> ConvShape:
    return ConvShape(case.sizes, case.kernel_sizes, case.dilations, case.stride, case.groups)


DILATIONS = st.lists(st.sampled_from((2, 3, 4, 7, 15)), min_size=1, max_size=3, unique=True)
SERVED = st.builds(
    Case,
    batch=st.integers(1, 3),
    channels=st.integers(1, 4),
    outputs=st.integers(1, 5),
    sizes=st.tuples(st.integers(1, 20), st.integers(1, 20)),
    kernel_sizes=st.sampled_from(((1, 3), (3, 5, 7), (7, 3))),
    dilations=st.tuples(DILATIONS, st.booleans()).map(lambda d: (*d[0], *[1] * d[1])),
    stride=st.just(1),
    groups=st.just(1),
    layout=st.sampled_from(("contiguous", "channels-last", "strided")),
)


@settings(max_examples=60, deadline=None)
@given(
    case=SERVED,
    together=st.integers(0, 3),
    memory=st.sampled_from(("fast", "small")),
)
def test_every_division_gives_the_same_numbers(case: Case, together: int, memory: str) -> None:
    assert serves(conv_of(case))
    parts = divide(conv_of(case), together)
    assert sorted(index for part in parts for index in part.chosen) == list(
        range(len(case.kernel_sizes) * len(case.dilations))
    )
    with mock.patch("kit.ops.phases.best", return_value=(parts, 1.0)):
        found = case.run("phases", memory=memory)
    assert max(relative_errors(found, case.run("mixed-results"))) < 1e-10


def test_taken_where_auto_takes_it() -> None:
    case = Case(1, 4, 6, (50, 47), *WIDE, 1, 1)
    parts, share = best(conv_of(case), 1, 4, 6)
    assert share < GAIN
    assert len(parts) > 1
    with mock.patch.dict(
        "kit.ops.agg_conv.METHODS", {"phases": mock.Mock(side_effect=phases)}
    ) as m:
        found = case.run("auto")
        assert m["phases"].called
    assert max(relative_errors(found, case.run("mixed-results"))) < 1e-10


def test_large_batches_and_short_axes_stay_in_one_piece() -> None:
    for batch, n in ((10, 85), (16, 32), (4, 8)):
        conv = ConvShape((n, n), *WIDE, 1, 1)
        assert best(conv, batch, 16, 32)[1] > GAIN, (batch, n)


def test_a_single_undilated_part_is_the_whole() -> None:
    conv = ConvShape((40, 40), *WIDE, 1, 1)
    (whole,) = divide(conv, 4)
    assert whole.factor == 1
    assert whole.conv == conv
    assert whole.chosen == tuple(range(16))


@pytest.mark.parametrize(
    "conv",
    [
        ConvShape((40,), *WIDE, 1, 1),
        ConvShape((40, 40), *WIDE, 2, 1),
        ConvShape((40, 40), *WIDE, 1, 4),
        ConvShape((40, 40), (3, 4), (1, 3), 1, 1),
        ConvShape((40, 40), (3, 5), (1,), 1, 1),
    ],
)
def test_what_has_no_phases(conv: ConvShape) -> None:
    assert not serves(conv)


def test_only_x_or_only_the_kernel() -> None:
    case = Case(1, 4, 6, (50, 47), *WIDE, 1, 1)
    x, weights, alpha = case.tensors()
    full = case.run("phases")
    upstream = torch.randn(
        full[0].shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    y = phases(x, [w.detach() for w in weights], alpha.detach(), conv_of(case), "fast")
    torch.testing.assert_close(torch.autograd.grad(y, x, upstream)[0], full[1])
    y = phases(x.detach(), weights, alpha.detach(), conv_of(case), "fast")
    for found, expected in zip(torch.autograd.grad(y, weights, upstream), full[3:], strict=True):
        torch.testing.assert_close(found, expected)
