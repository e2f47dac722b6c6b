"""TE-NAS: what it prunes."""

from __future__ import annotations

import json
import math
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from kit.methods.te_nas.ranking import Choice, change, pruned, ranking, significant

VALUES = json.loads((Path(__file__).parent / "te_nas_ranking.json").read_text())
CHOICES = [*product(range(2), range(14), range(1, 8))]


@pytest.mark.parametrize("case", VALUES["rounds"], ids=lambda case: f"prune-{case['prune_number']}")
def test_ranks_of_a_round_are_the_original_s(case: dict[str, Any]) -> None:
    kernel, regions = (dict(zip(CHOICES, case[of], strict=True)) for of in ("ntk", "regions"))
    ranks = ranking(kernel, regions, case["digits"])
    assert [[*ranks[choice]] for choice in CHOICES] == case["rankings"]
    assert sorted(pruned([*ranks], case["prune_number"])) == sorted(map(tuple, case["pruned"]))


@pytest.mark.parametrize("case", VALUES["groups"])
def test_ranks_of_a_group_are_the_original_s(case: dict[str, Any]) -> None:
    kernel, regions = (
        {tuple(choice): score for score, choice in case[of]} for of in ("ntk", "regions")
    )
    assert [*ranking(kernel, regions, 3)][:-2] == [*map(tuple, case["pruned"])]


@pytest.mark.parametrize(("number", "expected"), VALUES["significant"])
def test_significant_digits(number: float, expected: float) -> None:
    assert significant(number, 3) == expected


def test_numbers_that_only_rounding_makes_equal_have_ranks_of_their_own() -> None:
    a, b, c, d = choices = [(0, 0, number) for number in range(1, 5)]
    kernel = dict(zip(choices, [0.12341, 0.12344, 0.12344, -math.inf], strict=True))
    same: dict[Choice, float] = dict.fromkeys(choices, 0.0)
    assert ranking(kernel, same, 3) == {a: (0, 0), b: (1, 0), c: (1, 0), d: (2, 0)}
    assert pruned([*ranking(kernel, same, 3)], 2) == [a, b]


def test_change() -> None:
    assert change(3.0, 2.0, 3) == 0.333
    assert change(-2.0, 1.0, 3) == 1.5
    largest = 1.7976931348623157e308
    assert change(largest, 5.0, 3) == 1.0
    assert change(5.0, largest, 3) == pytest.approx(-largest / 5)
    assert change(0.0, 1.0, 3) == 0.0
