from __future__ import annotations

import pytest
import torch
from torch import Tensor

from kit.ops import AggConv1d, AggConv2d, agg_conv


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
    with pytest.raises(ValueError, match="does not divide"):
        AggConv1d(3, 4, (3,), (1,), groups=3)
    with pytest.raises(ValueError, match="unknown method"):
        AggConv1d(3, 4, (3,), (1,), method="magic")
    with pytest.raises(ValueError, match="memory must be"):
        AggConv1d(3, 4, (3,), (1,), memory="tiny")
