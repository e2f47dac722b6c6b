"""Ranks and importance: values of the original, a table where the answer is known."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from kit.spaces.nas_bench_201.cell import COUNT, OPERATIONS, Cell, strings
from kit.spaces.nas_bench_201.importance import (
    best,
    by_operation,
    edges_around,
    edges_of,
    errors,
    importance,
    ranks,
)
from tests.spaces.nas_bench_201.made import table

ROWS = json.loads((Path(__file__).parent / "importance.json").read_text(encoding="utf-8"))["rows"]


def test_importance_is_that_of_the_original() -> None:
    found = importance(0.5 + 0.4 * np.sin(np.arange(COUNT)))
    for row in ROWS:
        assert found[row["index"]] == pytest.approx(row["importance"], abs=1e-12)


def test_importance_is_known_where_each_operation_adds_its_own_error() -> None:
    own = dict(zip(OPERATIONS, (0.5, 0.2, 0.1, 0.0, 0.3), strict=True))
    of = np.array([sum(own[name] for name in Cell.parse(each).operations) for each in strings()])
    found = by_operation(importance(of), edges_of(best(of)))
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


def test_of_a_subset_the_edges_around_whole_neighbourhoods_count() -> None:
    of = np.random.default_rng(0).random(COUNT)
    centre = Cell.of(123)
    kept = [centre.index, *(each.index for each in centre.neighbours())]
    few = np.full(COUNT, np.nan)
    few[kept] = of[kept]
    few[Cell.of(9).index] = of[9]
    cells, edges = edges_around(importance(few))
    assert cells.tolist() == [123]
    found = by_operation(importance(few), edges)
    for name, values in found.items():
        by_hand = []
        for edge in range(6):
            line = {each: of[centre.changed(edge, each).index] for each in OPERATIONS}
            by_hand.append(sum(line[each] - line[name] for each in OPERATIONS) / 4)
        assert sorted(values) == pytest.approx(sorted(by_hand))
    none, edges = edges_around(importance(np.full(COUNT, np.nan)))
    assert not len(none)
    assert not edges.any()


def test_ranks_begin_with_the_best_and_ties_go_by_number() -> None:
    assert ranks(np.array([0.3, 0.1, np.nan, 0.3, 0.0])).tolist() == [3, 2, 0, 4, 1]


def test_errors_are_means_over_seeds() -> None:
    one = table(range(6), epochs=2)
    curves = {name: curve + 10 for name, curve in one.curves.items()}
    found = errors([one, replace(one, curves=curves)])
    assert found[:6] == pytest.approx(one.errors() - 0.05)
    assert np.isnan(found[6:]).all()


def test_the_best_cells_are_among_those_whose_error_is_known() -> None:
    of = np.full(COUNT, np.nan)
    assert best(of).tolist() == []
    of[[7, 9]] = 0.2, 0.1
    assert best(of).tolist() == [9]
