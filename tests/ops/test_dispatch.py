from __future__ import annotations

from unittest import mock

import pytest
import torch

from kit.ops import METHODS, agg_conv
from kit.ops.autotune import contenders, fastest, forget
from kit.ops.dispatch import rule
from kit.ops.plan import ConvShape
from tests.ops.cases import Case

WIDE = ((3, 5, 7, 9), (1, 3, 7, 15))


@pytest.mark.parametrize(
    ("case", "expected"),
    [
        (Case(2, 4, 6, (20,), (3, 5), (1, 3), 1, 2), "dilation"),
        (Case(2, 4, 8, (20,), (3, 5), (1, 3), 1, 4), "dilation"),
        (Case(2, 4, 4, (50, 50), (3,), (7,), 1, 1), "dilation"),
        (Case(2, 4, 4, (1000,), (3,), (1,), 1, 1), "mixed-weights"),
        (Case(2, 4, 4, (1000,), (3, 5), (1, 3), 1, 4), "fourier"),
        (Case(2, 4, 4, (1000,), (3, 5), (1, 3), 1, 1), "mixed-weights"),
        (Case(2, 4, 4, (46,), *WIDE, 1, 4), "toeplitz"),
        (Case(2, 128, 128, (46,), *WIDE, 1, 128), "fourier"),
        (Case(32, 128, 128, (46,), *WIDE, 1, 128), "toeplitz"),
        (Case(2, 4, 4, (1000,), *WIDE, 1, 4), "fourier"),
        (Case(2, 4, 4, (32, 32), *WIDE, 1, 4), "fourier"),
        (Case(2, 4, 8, (32, 32), *WIDE, 1, 1), "dft-matmul"),
        (Case(16, 4, 8, (64, 64), *WIDE, 1, 1), "fourier"),
        (Case(2, 4, 8, (128, 128), *WIDE, 1, 1), "phases"),
    ],
)
def test_rule(case: Case, expected: str) -> None:
    x, weights, _ = case.tensors()
    conv = ConvShape(case.sizes, case.kernel_sizes, case.dilations, case.stride, case.groups)
    assert rule(x, weights, conv) == expected
    assert expected in contenders(x, weights, conv)


def test_autotune_measures_once_per_problem() -> None:
    forget()
    case = Case(2, 4, 4, (40,), (3, 5), (1, 3), 1, 4)
    x, weights, alpha = case.tensors(torch.float32)
    state = torch.get_rng_state()
    conv = ConvShape((40,), (3, 5), (1, 3), 1, 4)
    name = fastest(x, weights, alpha, conv, "fast", METHODS)
    assert name in contenders(x, weights, conv)
    assert x.grad is None
    assert torch.equal(torch.get_rng_state(), state)
    with mock.patch("kit.ops.autotune.time.perf_counter") as clock:
        y = agg_conv(x, weights, alpha, (3, 5), (1, 3), groups=4, method="autotune")
        assert not clock.called
    torch.testing.assert_close(y, agg_conv(x, weights, alpha, (3, 5), (1, 3), groups=4))


@pytest.mark.parametrize("inside", [False, True])
def test_autotune_in_inference_mode(inside: bool) -> None:
    forget()
    case = Case(2, 4, 4, (9, 8), (3, 5), (1, 3), 1, 4)
    x, weights, alpha = case.tensors(torch.float32)
    with torch.inference_mode():
        if inside:
            x, alpha, *weights = (each.clone() for each in (x, alpha, *weights))
        y = agg_conv(x, weights, alpha, (3, 5), (1, 3), groups=4, method="autotune")
        torch.testing.assert_close(y, agg_conv(x, weights, alpha, (3, 5), (1, 3), groups=4))


def test_choices_are_bounded() -> None:
    forget()
    with mock.patch("kit.ops.autotune.CHOICES", 2), mock.patch("kit.ops.autotune.ROUNDS", 1):
        for n in (5, 6, 7, 8):
            Case(1, 1, 1, (n,), (3,), (1, 2), 1, 1).run("autotune")
        from kit.ops import autotune

        assert len(autotune._chosen) == 2
    forget()
