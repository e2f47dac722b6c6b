"""Ranks and importance: values of the original, a table where the answer is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kit.spaces.nas_bench_201.cell import COUNT, OPERATIONS, Cell, strings
from kit.spaces.nas_bench_201.importance import best, by_operation, errors, importance, ranks
from tests.spaces.nas_bench_201.made import table

ROWS = json.loads((Path(__file__).parent / "importance.json").read_text(encoding="utf-8"))["rows"]


def test_importance_is_that_of_the_original() -> None:
    found = importance(0.5 + 0.4 * np.sin(np.arange(COUNT)))
    for row in ROWS:
        assert found[row["index"]] == pytest.approx(row["importance"], abs=1e-12)


def test_importance_is_known_where_each_operation_adds_its_own_error() -> None:
    own = dict(zip(OPERATIONS, (0.5, 0.2, 0.1, 0.0, 0.3), strict=True))
    of = np.array([sum(own[name] for name in Cell.parse(each).operations) for each in strings()])
    found = by_operation(importance(of), best(of))
    for name, values in found.items():
        others = [value for other, value in own.items() if other != name]
        assert values == pytest.approx(np.mean(others) - own[name])
    assert len(best(of)) == 781
    assert of[best(of)].max() <= np.delete(of, best(of)).min()


def test_importance_needs_all_five_errors() -> None:
    of = np.arange(COUNT, dtype=np.float64)
    cell = Cell.of(0)
    of[cell.changed(2, "none").index] = np.nan
    unknown = np.isnan(importance(of)[0])
    assert unknown.tolist() == [False, False, True, False, False, False]


def test_ranks_begin_with_the_best_and_ties_go_by_number() -> None:
    assert ranks(np.array([0.3, 0.1, np.nan, 0.3, 0.0])).tolist() == [3, 2, 0, 4, 1]


def test_errors_are_means_over_seeds() -> None:
    one = table(range(6), epochs=2)
    curves = {name: curve + 10 for name, curve in one.curves.items()}
    found = errors([one, replace(one, curves=curves)])
    assert found[:6] == pytest.approx(one.errors() - 0.05)
    assert np.isnan(found[6:]).all()
