from __future__ import annotations

import pytest

from kit.ops import METHODS
from kit.ops.costs import COSTS, Shape, mixed_results, mixed_weights, multiply_adds

DEEPSEA = Shape(1, 64, 128, (1000,), (3, 7, 11, 15, 19), (1, 3, 7, 15))


def test_every_method_has_a_cost() -> None:
    assert set(COSTS) == set(METHODS)
    for cost in COSTS.values():
        assert cost(DEEPSEA).multiply_adds > 0


def test_formulas_of_the_paper() -> None:
    pairs, entries, common, n = 64 * 128, 4 * (3 + 7 + 11 + 15 + 19), 271, 1000
    results = mixed_results(DEEPSEA)
    assert results.multiplications == pairs * entries * n + 128 * 20 * n
    assert results.additions == results.multiplications
    weights = mixed_weights(DEEPSEA)
    assert weights.multiplications == pairs * (entries + common * n)
    assert weights.additions == pairs * (20 * common + common * n)


def test_two_axes_count_squared_kernels() -> None:
    shape = Shape(2, 4, 4, (8, 8), (3, 5), (1, 2), groups=4)
    assert shape.entries == 2 * (9 + 25)
    assert shape.extent == 81
    assert mixed_results(shape).multiply_adds == 2 * 64 * (4 * 68 + 4 * 4)


def test_fourier_is_cheapest_where_there_are_many_candidates() -> None:
    many = (1, 16, 16, (1000,), (3, 5, 7, 9, 11, 13, 15), (1, 3, 7, 15, 31, 63, 127))
    one = (1, 16, 16, (1000,), (3,), (1,))
    cost = {name: multiply_adds(name, *many) for name in COSTS}
    assert min(cost, key=lambda name: cost[name]) == "fourier"
    assert multiply_adds("mixed-results", *one) < multiply_adds("fourier", *one)


def test_unknown_method() -> None:
    with pytest.raises(ValueError, match="no cost for method"):
        multiply_adds("magic", 1, 1, 1, (8,), (3,), (1,))
