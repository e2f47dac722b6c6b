from __future__ import annotations

from unittest import mock

import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st
from torch import Tensor
from torch.nn import functional as F

from kit.ops import METHODS, agg_conv
from tests.ops.cases import Case, cases, relative_errors


@settings(max_examples=60, deadline=None)
@given(case=cases())
def test_methods_agree_in_float64(case: Case) -> None:
    expected = case.run("mixed-results")
    for method in (*case.methods(), "auto", "autotune"):
        errors = relative_errors(case.run(method), expected)
        assert max(errors) < 1e-10, (method, errors)


@settings(max_examples=20, deadline=None)
@given(case=cases(), memory=st.sampled_from(("fast", "small")))
def test_large_problems_take_other_ways_to_the_same_numbers(case: Case, memory: str) -> None:
    """Merging candidate by candidate, several chunks of planes, several slabs of frequencies."""
    expected = case.run("mixed-results")
    with (
        mock.patch("kit.ops.merge.FEW", 0),
        mock.patch("kit.ops.grid.CHUNK_BYTES", 4096),
        mock.patch("kit.ops.fourier_transform.CHUNK_BYTES", 4096),
        mock.patch("kit.ops.planar.SLAB_BYTES", (256, 512)),
    ):
        for method in case.methods():
            errors = relative_errors(case.run(method, memory=memory), expected)
            assert max(errors) < 1e-10, (method, errors)


@settings(max_examples=20, deadline=None)
@given(case=cases())
@example(case=Case(3, 4, 4, (11, 14), (6,), (15,), 2, 4))  # its 0.6 is a sum of 59 in all
def test_methods_agree_in_float32(case: Case) -> None:
    expected = case.run("mixed-results", torch.float64)
    terms = case.terms(expected)
    for method in (*case.methods(), "auto"):
        errors = relative_errors(case.run(method, torch.float32), expected, terms)
        assert max(errors) < 1e-5, (method, errors)


@pytest.mark.parametrize("method", [*METHODS, "auto"])
@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize("sizes", [(31,), (12,), (9, 20)])
@pytest.mark.parametrize("depthwise", [False, True])
def test_one_hot_alpha_is_the_dilated_convolution(
    method: str, stride: int, sizes: tuple[int, ...], depthwise: bool
) -> None:
    case = Case(2, 4, 4 if depthwise else 3, sizes, (3, 5), (1, 4), stride, 4 if depthwise else 1)
    if method not in (*case.methods(), "auto"):
        pytest.skip("the method does not serve this kind of problem")
    x, weights, _ = case.tensors()
    convolution = F.conv1d if len(sizes) == 1 else F.conv2d
    for index, weight in enumerate(weights):
        k, d = (3, 5)[index // 2], (1, 4)[index % 2]
        alpha = torch.zeros(4, dtype=torch.float64)
        alpha[index] = 1.0
        found = agg_conv(
            x, weights, alpha, (3, 5), (1, 4), stride=stride, groups=case.groups, method=method
        )
        expected = convolution(x, weight, None, stride, d * (k - 1) // 2, d, case.groups)
        torch.testing.assert_close(found, expected, rtol=1e-10, atol=1e-10)


@pytest.mark.parametrize("method", [*METHODS, "auto"])
def test_even_kernels_are_centred_in_the_common_extent(method: str) -> None:
    # K = {2, 4}, D = {1}: extents 2 and 4, the common centre is tap (4 - 1) // 2 = 1.
    x = torch.zeros(1, 1, 9, dtype=torch.float64)
    x[0, 0, 4] = 1.0
    weights = [torch.ones(1, 1, 2, dtype=torch.float64), torch.ones(1, 1, 4, dtype=torch.float64)]
    for alpha, places in (([1.0, 0.0], (3, 4)), ([0.0, 1.0], (2, 3, 4, 5))):
        y = agg_conv(x, weights, torch.tensor(alpha).double(), (2, 4), (1,), method=method)
        expected = torch.zeros(9, dtype=torch.float64)
        expected[list(places)] = 1.0
        torch.testing.assert_close(y[0, 0], expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("method", [*METHODS, "auto"])
@pytest.mark.parametrize("memory", ["fast", "small"])
@pytest.mark.parametrize(
    "case",
    [
        Case(2, 2, 3, (11,), (3, 4), (1, 3), 1, 1),
        Case(2, 2, 2, (10,), (3, 5), (1, 7), 2, 2),
        Case(1, 2, 2, (4, 5), (3, 2), (1, 3), 1, 1),
        Case(1, 2, 2, (5, 3), (1, 3), (1, 2), 2, 2),
    ],
)
def test_gradcheck(method: str, memory: str, case: Case) -> None:
    if method not in (*case.methods(), "auto"):
        pytest.skip("the method does not serve this kind of problem")
    x, weights, alpha = case.tensors()

    def function(x: Tensor, alpha: Tensor, *weights: Tensor) -> Tensor:
        return agg_conv(
            x,
            weights,
            alpha,
            case.kernel_sizes,
            case.dilations,
            stride=case.stride,
            groups=case.groups,
            method=method,
            memory=memory,
        )

    assert torch.autograd.gradcheck(function, (x, alpha, *weights), fast_mode=True)


@pytest.mark.parametrize("method", [*METHODS, "auto"])
def test_two_runs_give_the_same_bits(method: str) -> None:
    for case in (
        Case(2, 6, 6, (50,), (3, 7), (1, 3, 15), 1, 6),
        Case(2, 3, 5, (12, 9), (3, 5), (1, 3), 2, 1),
    ):
        if method in (*case.methods(), "auto"):
            first, second = (case.run(method, torch.float32) for _ in range(2))
            assert all(torch.equal(a, b) for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("groups", [1, 3])
def test_nan_spreads_to_the_paired_sample_alone(method: str, groups: int) -> None:
    case = Case(4, 3, 3, (9, 9), (3, 5), (1, 3), 1, groups)
    if method not in case.methods():
        pytest.skip("it does not take this shape")
    x, weights, alpha = case.tensors()
    with torch.no_grad():
        x[0, 0, 0, 0] = torch.nan
        y = agg_conv(x, weights, alpha, (3, 5), (1, 3), groups=groups, method=method)
    broken = y.isnan().flatten(1).any(1).tolist()
    assert broken == [True, groups == 3 and method == "fourier", False, False]


@pytest.mark.parametrize("method", [*METHODS, "auto"])
def test_only_the_gradients_asked_for(method: str) -> None:
    case = Case(2, 3, 3, (14,), (3, 5), (1, 3), 1, 3)
    full = case.run(method)
    x, weights, alpha = case.tensors()
    upstream = torch.randn(
        full[0].shape, generator=torch.Generator().manual_seed(1), dtype=torch.float64
    )
    for wanted in range(3):
        inputs = (x, alpha, *weights)
        for index, tensor in enumerate(inputs):
            tensor.requires_grad_(index == wanted)
        y = agg_conv(x, weights, alpha, (3, 5), (1, 3), groups=3, method=method)
        (gradient,) = torch.autograd.grad(y, inputs[wanted], upstream)
        torch.testing.assert_close(gradient, full[1 + wanted], rtol=1e-10, atol=1e-10)
    with torch.no_grad():
        y = agg_conv(x, weights, alpha, (3, 5), (1, 3), groups=3, method=method)
    torch.testing.assert_close(y, full[0], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("method", [*METHODS, "auto"])
@pytest.mark.parametrize("depthwise", [False, True])
def test_second_derivatives_are_right_or_refused(method: str, depthwise: bool) -> None:
    """Even after a linear loss, whose gradient needs none itself."""
    case = Case(2, 4, 4, (9,), (3, 5), (1, 4), 1, 4 if depthwise else 1)
    if method not in (*case.methods(), "auto"):
        pytest.skip("it does not take this shape")

    def second(by: str) -> list[Tensor]:
        x, weights, alpha = case.tensors()
        y = agg_conv(x, weights, alpha, (3, 5), (1, 4), groups=case.groups, method=by)
        (first,) = torch.autograd.grad(y.sum(), alpha, create_graph=True)
        return list(torch.autograd.grad(first.sum(), [x, *weights]))

    if method in ("mixed-results", "mixed-weights", "released"):
        for ours, theirs in zip(second(method), second("mixed-results"), strict=True):
            assert torch.allclose(ours, theirs)
    else:
        with pytest.raises(RuntimeError, match=r"no second derivatives .* method='mixed-results'"):
            second(method)


@pytest.mark.parametrize("method", [*METHODS, "auto"])
def test_autocast_computes_in_float32(method: str) -> None:
    case = Case(2, 4, 4, (40,), (3, 5), (1, 3, 7), 1, 4)
    expected = case.run(method, torch.float32)
    with torch.autocast("cpu", dtype=torch.bfloat16):
        found = case.run(method, torch.float32)
        x, weights, alpha = case.tensors(torch.float32)
        half = agg_conv(x.bfloat16(), weights, alpha, (3, 5), (1, 3, 7), groups=4, method=method)
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    assert half.dtype == torch.float32


def test_other_groups_go_the_direct_way() -> None:
    case = Case(2, 4, 6, (13,), (3, 5), (1, 3), 1, 2)
    expected = case.run("mixed-results")
    assert max(relative_errors(case.run("auto"), expected)) < 1e-10
    with pytest.raises(ValueError, match="groups 1 or"):
        case.run("fourier")


def test_bad_arguments_are_named() -> None:
    x, weights, alpha = Case(1, 2, 2, (8,), (3, 5), (1, 3), 1, 1).tensors()

    def run(x: Tensor = x, alpha: Tensor = alpha, **options: object) -> None:
        arguments = {"kernel_sizes": (3, 5), "dilations": (1, 3), "weights": weights, **options}
        agg_conv(x, arguments.pop("weights"), alpha, **arguments)  # type: ignore[arg-type]

    for message, options in (
        ("unknown method 'magic'", {"method": "magic"}),
        ("memory must be", {"memory": "tiny"}),
        ("x must have 3 or 4 axes", {"x": x[0]}),
        ("is empty", {"x": x[:0]}),
        ("float32 or float64", {"x": x.bfloat16()}),
        ("kernel_sizes must be positive", {"kernel_sizes": (0, 5)}),
        ("dilations must be positive", {"dilations": ()}),
        ("stride must be", {"stride": 0}),
        ("need 4 weights, not 3", {"weights": weights[:3]}),
        ("alpha must have shape", {"alpha": alpha[:2]}),
        ("does not divide", {"groups": 3}),
        ("weight 0 must have shape", {"groups": 2}),
        ("weight 0 is torch.float64", {"x": x.float(), "alpha": alpha.float()}),
        ("alpha is torch.float64", {"x": x.float()}),
    ):
        with pytest.raises(ValueError, match=message):
            run(**options)
