"""Scores of untrained networks, held to what they are by definition."""

from __future__ import annotations

import itertools
from collections.abc import Callable

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


def test_what_does_not_learn_does_not_count_and_normed_weights_do() -> None:
    torch.manual_seed(0)
    first, last = nn.Conv2d(3, 4, 3).double(), nn.Conv2d(4, 2, 3).double()
    x = sample(2)
    whole = tangent_kernel(nn.Sequential(first, nn.ReLU(), last), x)
    first.requires_grad_(False)
    part = tangent_kernel(nn.Sequential(first, nn.ReLU(), last), x)
    values = torch.nn.functional.conv2d(x, first.weight, first.bias).relu()
    rows = values.unfold(2, 3, 1).unfold(3, 3, 1).sum((2, 3)).flatten(1)
    torch.testing.assert_close(part, 2 * rows @ rows.T)
    assert not torch.allclose(part, whole)
    normed = nn.utils.parametrizations.weight_norm(nn.Conv2d(3, 2, 3).double())
    assert tangent_kernel(normed, x).diagonal().min() > 0
    last.requires_grad_(False)
    assert not tangent_kernel(nn.Sequential(first, nn.ReLU(), last), x).any()


@pytest.mark.parametrize(
    "call",
    [
        lambda x, w: nn.functional.conv2d(x, w, None, 2, 1, 1, 1),
        lambda x, w: nn.functional.conv2d(x, w, None, (2,), [1], 1, 1),
        lambda x, w: torch.stack([nn.functional.conv2d(each, w, None, 2, 1) for each in x]),
        lambda x, w: nn.functional.conv1d(x.flatten(2), w.flatten(2), None, 2, 1, 1, 1),
    ],
)
def test_convolutions_however_they_are_called(call: Callable[[Tensor, Tensor], Tensor]) -> None:
    class Called(nn.Module):
        def __init__(self) -> None:
            super().__init__()
            self.weight = nn.Parameter(torch.randn(2, 3, 3, 3, dtype=torch.float64))

        def forward(self, x: Tensor) -> Tensor:
            return call(x, self.weight)

    network, x = Called(), sample(2)
    rows = [
        torch.autograd.grad(network(x)[number].sum(), network.weight)[0].flatten()
        for number in range(len(x))
    ]
    torch.testing.assert_close(tangent_kernel(network, x), torch.stack(rows) @ torch.stack(rows).T)


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
