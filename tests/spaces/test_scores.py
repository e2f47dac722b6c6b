"""Scores of untrained networks, held to what they are by definition."""

from __future__ import annotations

import itertools

import pytest
import torch
from torch import Tensor, nn

from kit.spaces.scores import UNDEFINED, condition_number, linear_regions, tangent_kernel


def network(dims: int, norm: bool = True) -> nn.Module:
    """Return a small network of all sorts of convolutions, in double precision."""
    torch.manual_seed(0)
    conv, batch_norm = (nn.Conv1d, nn.BatchNorm1d) if dims == 1 else (nn.Conv2d, nn.BatchNorm2d)
    parts: list[nn.Module] = [
        conv(3, 4, 3, padding=1),
        batch_norm(4) if norm else nn.Identity(),
        nn.ReLU(),
        conv(4, 4, 5, padding=4, dilation=2, groups=4, bias=False),
        conv(4, 6, 3, stride=2, padding=1, groups=2),
        nn.ReLU(inplace=True),
        conv(6, 6, 4, stride=3, groups=6),
        conv(6, 2, 1, stride=2),
        conv(2, 2, 1, padding="same"),
        nn.Flatten(),
        nn.LazyLinear(3),
    ]
    whole = nn.Sequential(*parts).double()
    whole(sample(dims))
    return whole


def sample(dims: int, count: int = 5) -> Tensor:
    return torch.randn(count, 3, *(13, 16)[:dims], dtype=torch.float64)


@pytest.mark.parametrize("dims", [1, 2])
@pytest.mark.parametrize("training", [True, False])
def test_kernel_is_the_product_of_the_jacobian(dims: int, training: bool) -> None:
    one, x = network(dims).train(training), sample(dims)
    weights = {name: w for name, w in one.named_parameters() if name.endswith("weight")}

    def summed(*values: Tensor) -> Tensor:
        replaced = dict(zip(weights, values, strict=True))
        outputs: Tensor = torch.func.functional_call(one, replaced, x)
        return outputs.sum(dim=1)

    found = torch.autograd.functional.jacobian(summed, tuple(weights.values()))
    rows = torch.cat([each.flatten(1) for each in found], dim=1)
    kernel = tangent_kernel(one, x)
    torch.testing.assert_close(kernel, rows @ rows.T, rtol=1e-10, atol=1e-10)
    assert not kernel.requires_grad


def test_batch_norm_couples_samples_in_training_mode_alone() -> None:
    x = sample(2)
    for training, same in ((True, False), (False, True)):
        one = network(2).train(training)
        alone = tangent_kernel(one, x[:2])
        together = tangent_kernel(one, x)[:2, :2]
        assert torch.allclose(alone, together) == same


def test_biases_do_not_count() -> None:
    layer = nn.Linear(3, 2).double()
    x = sample(1)[:, :, 0]
    torch.testing.assert_close(tangent_kernel(layer, x), 2 * x @ x.T)


def test_nothing_is_left_on_the_network() -> None:
    one = network(2)
    tangent_kernel(one, sample(2))
    assert all(weight.grad is None for weight in one.parameters())


@pytest.mark.parametrize(
    ("eigenvalues", "expected"),
    [
        ([1.0, 4.0, 2.0], 4.0),
        ([-0.5, 4.0, 2.0], -8.0),
        ([0.0, 0.0, 0.0], UNDEFINED),
        ([0.0, 4.0, 2.0], torch.finfo(torch.float64).max),
        ([float("nan"), 4.0, 2.0], UNDEFINED),
    ],
)
def test_condition_number(eigenvalues: list[float], expected: float) -> None:
    assert condition_number(torch.tensor(eigenvalues).diag()) == expected


def test_kernel_of_a_network_that_no_input_reaches() -> None:
    class Deaf(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.layer = nn.Conv2d(3, 2, 1)

        def forward(self, x: Tensor) -> Tensor:
            return torch.zeros(len(x), 2, dtype=x.dtype)

    kernel = tangent_kernel(Deaf(), sample(2))
    assert torch.equal(kernel, torch.zeros(5, 5, dtype=torch.float64))
    assert condition_number(kernel) == UNDEFINED


@pytest.mark.parametrize("dims", [1, 2])
def test_regions_are_the_distinct_sign_patterns(dims: int) -> None:
    torch.manual_seed(1)
    conv = nn.Conv1d if dims == 1 else nn.Conv2d
    first, second = conv(1, 2, 2), conv(2, 1, 1)
    one = nn.Sequential(first, nn.ReLU(), second, nn.ReLU(inplace=True), nn.Flatten(), nn.ReLU())
    x = torch.randn(200, 1, *[2] * dims)
    patterns = set()
    for each in x:
        inner = first(each[None])
        outer = second(inner.relu())
        patterns.add((*(inner > 0).flatten().tolist(), *(outer > 0).flatten().tolist()))
    assert 2 < len(patterns) < 9
    assert linear_regions(one, x.split(70)) == len(patterns)


def test_regions_of_one_relu_are_the_halves_of_a_line() -> None:
    class Line(nn.Module):
        def forward(self, x: Tensor) -> Tensor:
            return (x - 1).relu() + torch.relu(x + 1)

    x = torch.tensor([-2.0, -1.5, 0.0, 0.5, 3.0]).view(5, 1, 1, 1)
    found = [linear_regions(Line(), [x[:count]]) for count in (1, 2, 3, 4, 5)]
    assert found == [1, 1, 2, 2, 3]
    assert list(itertools.accumulate(found, max)) == found
