from __future__ import annotations

import re

import numpy as np
import pytest
import torch
from torch import Tensor

from kit.ops import METHODS, AggConv1d, AggConv2d, agg_conv
from tests.ops.cases import Case, relative_errors


def test_parameters_and_initial_values() -> None:
    torch.manual_seed(0)
    layer = AggConv2d(16, 32, (3, 5, 7, 9), (1, 3, 7, 15))
    assert len(layer.weights) == 16
    assert [w.shape[-1] for w in layer.weights] == [k for k in (3, 5, 7, 9) for _ in range(4)]
    assert layer.weights[15].shape == (32, 16, 9, 9)
    assert float(layer.weights[15].detach().std()) == pytest.approx(0.01, rel=0.05)
    assert layer.alpha.shape == (16,)
    assert 0 < float(layer.alpha.detach().abs().max()) < 5e-3
    assert layer.bias is not None
    assert float(layer.bias.detach().abs().max()) == 0.0
    assert AggConv2d(4, 4, (3,), (1,), bias=False).bias is None


def test_forward_is_mixture_then_agg_conv_then_bias() -> None:
    torch.manual_seed(1)
    layer = AggConv1d(4, 4, (3, 5), (1, 3), stride=2, groups=4)
    assert layer.bias is not None
    torch.nn.init.normal_(layer.bias)
    x = torch.randn(2, 4, 15)
    expected = agg_conv(
        x, list(layer.weights), torch.softmax(layer.alpha, 0), (3, 5), (1, 3), stride=2, groups=4
    )
    torch.testing.assert_close(layer(x), expected + layer.bias[:, None])
    assert layer(x).shape == (2, 4, 8)


def test_what_equals_a_whole_number_is_taken_for_none() -> None:
    """Or 1.0 would be found in a cache for 1, and the other way round."""
    weights, alpha, x = (
        [torch.randn(2, 2, 3) for _ in range(2)],
        torch.ones(2),
        torch.randn(2, 2, 9),
    )
    for wrong in ((1.0, 2.0), (1.5, 2), (), (0, 1), ("1", 2)):
        with pytest.raises(ValueError, match="dilations must be positive integers"):
            agg_conv(x, weights, alpha, (3,), wrong)  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="dilations must be positive integers"):
            AggConv1d(2, 2, (3,), wrong)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="stride must be"):
        AggConv1d(2, 2, (3,), (1,), stride=1.5)  # type: ignore[arg-type]
    expected = agg_conv(x, weights, alpha, (3,), (1, 2))
    for same in ((True, 2), (np.int64(1), 2), (torch.tensor(1), torch.tensor(2))):
        assert torch.equal(agg_conv(x, weights, alpha, (3,), same), expected)  # type: ignore[arg-type]


@pytest.mark.parametrize("shape", [(8, 9, 114, 114), (8, 8, 3000)])
def test_the_number_of_threads_may_change_before_the_backward_pass(shape: tuple[int, ...]) -> None:
    torch.manual_seed(0)
    layer = (AggConv2d if len(shape) == 4 else AggConv1d)(
        shape[1], shape[1], (3, 5), (1, 3), groups=shape[1]
    )
    x, before = torch.randn(shape), torch.get_num_threads()
    inputs = [layer.alpha, *layer.weights]
    try:
        torch.set_num_threads(1)
        y = layer(x)
        wanted = torch.autograd.grad(y, inputs, torch.ones_like(y), retain_graph=True)
        torch.set_num_threads(2)
        found = torch.autograd.grad(y, inputs, torch.ones_like(y))
    finally:
        torch.set_num_threads(before)
    torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-2)


@pytest.mark.parametrize("method", ["auto", "autotune", "mixed-results"])
def test_of_shapes_alone_a_shape_comes(method: str) -> None:
    layer = AggConv2d(4, 6, (3, 5), (1, 2), stride=2, method=method).to("meta")
    found = layer(torch.empty(2, 4, 9, 8, device="meta"))
    assert found.is_meta
    assert found.shape == (2, 6, 5, 4)


@pytest.mark.parametrize("sizes", [(27,), (70,), (300,), (11, 12), (66, 70)])
@pytest.mark.parametrize("groups", [1, 4])
def test_the_default_device_does_not_reach_what_is_kept_of_a_shape(
    sizes: tuple[int, ...], groups: int
) -> None:
    """A shape may be met first while a model of shapes alone is built, or with a GPU as default."""
    case = Case(2, 4, 4, sizes, (3, 5, 6), (1, 2, 7), 1, groups)
    (x, weights, alpha), found = case.tensors(), {}
    for method in (*case.methods(), "auto"):
        with torch.device("meta"):
            y = agg_conv(
                x, weights, alpha, case.kernel_sizes, case.dilations, groups=groups, method=method
            )
            gradients = torch.autograd.grad(y, [x, alpha, *weights], torch.ones_like(y))
        found[method] = [y.detach(), *gradients]
    for method, tensors in found.items():
        assert max(relative_errors(tensors, found["mixed-results"])) < 1e-10, method


def test_mixture_is_called_once_per_forward_pass() -> None:
    calls = []

    def mixture(alpha: Tensor) -> Tensor:
        calls.append(alpha)
        return torch.sigmoid(alpha)

    layer = AggConv1d(2, 3, (3, 5), (1,), mixture=mixture)
    layer(torch.randn(1, 2, 9)).sum().backward()
    assert len(calls) == 1
    for name, parameter in layer.named_parameters():
        assert parameter.grad is not None, name


def test_state_is_restored() -> None:
    one, other = (AggConv2d(2, 3, (3, 5), (1, 2)) for _ in range(2))
    other.load_state_dict(one.state_dict())
    x = torch.randn(1, 2, 8, 8)
    assert torch.equal(one(x), other(x))


def test_bad_arguments() -> None:
    with pytest.raises(ValueError, match="positive integers"):
        AggConv1d(2, 2, (), (1,))
    for wrong in (0, -1, 2.0):
        with pytest.raises(ValueError, match="in_channels must be positive integers"):
            AggConv1d(wrong, 2, (3,), (1,))  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="out_channels must be positive integers"):
            AggConv1d(2, wrong, (3,), (1,))  # type: ignore[arg-type]
    with pytest.raises(ValueError, match="does not divide"):
        AggConv1d(3, 4, (3,), (1,), groups=3)
    with pytest.raises(ValueError, match="unknown method"):
        AggConv1d(3, 4, (3,), (1,), method="magic")
    with pytest.raises(ValueError, match="memory must be"):
        AggConv1d(3, 4, (3,), (1,), memory="tiny")


@pytest.mark.parametrize("memory", ["fast", "small"])
@pytest.mark.parametrize("method", ["auto", *METHODS])
@pytest.mark.parametrize("axes", [1, 2])
@pytest.mark.parametrize("groups", [1, 4])
def test_what_comes_out_may_be_changed_in_place(
    axes: int, groups: int, method: str, memory: str
) -> None:
    """As networks do that add to it, or rectify it, without a bias before that."""
    if method == "toeplitz" and (axes, groups) != (1, 4):
        return  # it is for one axis and channels of their own
    kind = AggConv1d if axes == 1 else AggConv2d
    torch.manual_seed(0)
    layer = kind(
        4, 4, (3, 5), (1, 3, 7), groups=groups, bias=False, method=method, memory=memory
    ).double()
    for batch, size in ((1, 12), (3, 12), (2, 40)):
        x = torch.randn(batch, 4, *[size] * axes, dtype=torch.float64, requires_grad=True)
        expected = torch.relu(layer(x) + x)
        (of_x,) = torch.autograd.grad(expected.square().sum(), x)
        found = layer(x)
        found += x
        torch.relu_(found).square().sum().backward()
        torch.testing.assert_close(found, expected)
        torch.testing.assert_close(x.grad, of_x)


@pytest.mark.parametrize("name", ["weight", "kernel_size", "dilation", "padding"])
def test_what_a_convolution_has_one_of_is_told(name: str) -> None:
    layer = AggConv2d(2, 2, (3,), (1,))
    assert not hasattr(layer, name)
    with pytest.raises(AttributeError, match=f"AggConv2d has no '{name}', but candidates; a layer"):
        getattr(layer, name)
    with pytest.raises(AttributeError, match="object has no attribute 'wieght'"):
        layer.wieght  # noqa: B018


@pytest.mark.parametrize(
    ("axes", "shape"),
    [(1, (2, 9)), (1, (1, 3, 9)), (1, (1, 2, 9, 9)), (2, (2, 9, 9)), (2, (1, 2, 9))],
)
def test_inputs_of_another_shape_are_told_by_theirs(axes: int, shape: tuple[int, ...]) -> None:
    layer = (AggConv1d, AggConv2d)[axes - 1](2, 3, (3, 5), (1, 2))
    words = (
        rf"^AggConv{axes}d takes inputs \(batch, 2{', n' * axes}\), not {re.escape(str(shape))}$"
    )
    with pytest.raises(ValueError, match=words):
        layer(torch.rand(shape))
