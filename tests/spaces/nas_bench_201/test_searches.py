"""Searches on a made-up table: the clock, the budget, what each one asks for."""

from __future__ import annotations

import math
from dataclasses import replace
from random import Random

import numpy as np
import pytest

from kit.spaces.nas_bench_201 import searches
from kit.spaces.nas_bench_201.cell import EDGES, Cell
from kit.spaces.nas_bench_201.searches import (
    SEARCHES,
    Experiment,
    mutated,
    random_cell,
    regularised_evolution,
    repeat,
)
from kit.spaces.nas_bench_201.table import Table, Whole
from tests.spaces.nas_bench_201.made import table

TABLE = table()


def test_the_clock_is_that_of_the_public_package() -> None:
    """Training up to the epoch and one evaluation; the last one goes beyond the budget."""
    experiment = Experiment([TABLE], 20.0)
    first = experiment.score(Cell.of(3), 4)
    info = TABLE.info(3, 4)
    assert info["train-all-time"] is not None
    assert info["valtest-per-time"] is not None
    assert first == info["valtest-accuracy"]
    assert experiment.spent == info["train-all-time"] + info["valtest-per-time"]
    assert not experiment.over
    experiment.score(Cell.of(4))
    assert not experiment.over
    experiment.score(Cell.of(5))
    assert experiment.over
    assert experiment.spent > 20
    scores = {cell: score for _, cell, score in experiment.trace}
    assert experiment.answer == max(scores, key=lambda cell: scores[cell])


def test_one_of_several_seeds_answers() -> None:
    curves = {name: curve + 1 for name, curve in TABLE.curves.items()}
    experiment = Experiment([TABLE, replace(TABLE, curves=curves)], 1e6)
    found = {experiment.score(Cell.of(7)) for _ in range(20)}
    assert found == {TABLE.score(7), TABLE.score(7) + 1}


@pytest.mark.parametrize("name", SEARCHES)
def test_a_search_ends_with_its_seconds_and_finds_better_cells(name: str) -> None:
    budget = 1500.0
    curves = repeat(SEARCHES[name], [TABLE], budget, runs=20, points=10)
    again = repeat(SEARCHES[name], [TABLE], budget, runs=20, points=10)
    assert curves.answers == again.answers
    low, middle, high = curves.accuracy[-1]
    assert low <= middle <= high <= TABLE.score(TABLE.best())
    assert middle > 80  # the mean over all cells is 50
    assert (np.diff(curves.accuracy[2:, 1]) >= 0).all() or name in ("hyperband", "bohb")


def test_a_mutation_changes_one_edge_of_a_node_drawn_first() -> None:
    random, cell = Random(0), Cell.of(0)
    counts = np.zeros(len(EDGES))
    for _ in range(3000):
        other = mutated(cell, random)
        changed = [
            place
            for place, pair in enumerate(zip(cell.operations, other.operations, strict=True))
            if pair[0] != pair[1]
        ]
        assert len(changed) == 1
        counts[changed[0]] += 1
    assert counts / 3000 == pytest.approx([1 / 3, 1 / 6, 1 / 6, 1 / 9, 1 / 9, 1 / 9], abs=0.03)


def test_evolution_begins_with_its_population_and_then_breeds() -> None:
    experiment = Experiment([TABLE], 400.0)
    regularised_evolution(experiment, Random(1))
    cells = [cell for _, cell, _ in experiment.trace]
    random = Random(1)
    assert cells[:10] == [random_cell(random).index for _ in range(10)]
    for place in range(10, len(cells)):
        parents = [Cell.of(each) for each in cells[place - 10 : place]]
        child = Cell.of(cells[place]).operations
        distances = [
            sum(a != b for a, b in zip(child, each.operations, strict=True)) for each in parents
        ]
        assert 1 in distances, "no parent among the ten that were alive"


def test_a_table_without_seconds_has_no_budget_to_spend() -> None:
    curves = {**TABLE.curves, "train-seconds": np.full_like(TABLE.curves["train-seconds"], np.nan)}
    experiment = Experiment([replace(TABLE, curves=curves)], 1000.0)
    with pytest.raises(ValueError, match="has no seconds for cell 3"):
        experiment.score(Cell.of(3))
    assert (experiment.spent, experiment.trace) == (0.0, [])


def diverged(cells: Whole, epoch: int) -> Table:
    """Return the table in which cells diverged in an epoch, the last of which there are seconds."""
    curves = {name: curve.copy() for name, curve in TABLE.curves.items()}
    for name, curve in curves.items():
        curve[cells, epoch + name.endswith("-seconds") :] = np.nan
    return replace(TABLE, curves=curves)


def test_a_cell_that_diverged_takes_its_seconds_until_then() -> None:
    made = diverged(np.array([3, 4]), 1)
    experiment = Experiment([made], 1000.0)
    assert experiment.score(Cell.of(3)) == -math.inf
    assert experiment.cut_short == 1
    assert experiment.spent == pytest.approx(TABLE.seconds(3, 1))
    assert experiment.score(Cell.of(4), 0) == TABLE.score(4, 0)  # it had not diverged yet
    assert experiment.cut_short == 1
    nothing = Experiment([diverged(np.array([3]), -1)], 1000.0)
    assert (nothing.score(Cell.of(3)), nothing.spent, nothing.cut_short) == (-math.inf, 0.0, 1)


@pytest.mark.parametrize("name", SEARCHES)
def test_searches_go_on_past_cells_that_diverged(name: str) -> None:
    lost = np.flatnonzero([Cell.of(n).operations[0] == "none" for n in range(len(TABLE))])
    curves = repeat(SEARCHES[name], [diverged(lost, 0)], 500.0, runs=5, points=10)
    assert not set(curves.answers) & set(lost.tolist())
    assert 0 < curves.cut_short < curves.scores
    assert np.isfinite(curves.accuracy[-1]).all()


@pytest.mark.parametrize("name", SEARCHES)
def test_cells_whose_accuracy_is_unknown_lose(name: str) -> None:
    accuracy = TABLE.curves["valtest-accuracy"].copy()
    unknown = np.array([Cell.of(n).operations[0] == "none" for n in range(len(TABLE))])
    accuracy[unknown] = np.nan
    partial = replace(TABLE, curves={**TABLE.curves, "valtest-accuracy": accuracy})
    curves = repeat(SEARCHES[name], [partial], 1500.0, runs=20, points=10)
    assert not unknown[curves.answers].any()
    assert curves.accuracy[-1, 1] > 80

    experiment = Experiment([partial], 1500.0)
    scores = [experiment.score(Cell.of(number)) for number in np.flatnonzero(unknown)[:3]]
    assert all(score < experiment.score(Cell.of(cell)) for score in scores for cell in range(3))
    SEARCHES[name](experiment, Random(0))
    asked = [cell for _, cell, _ in experiment.trace]
    assert unknown[asked].any()
    assert len({*asked[-50:]}) > 5, "it asks for the same cells again and again"


def test_a_search_that_asks_for_nothing_has_no_answer() -> None:
    with pytest.raises(ValueError, match="asked for no score"):
        repeat(lambda *_: None, [TABLE], 10.0, runs=1)


@pytest.mark.parametrize("name", ["hyperband", "bohb"])
def test_brackets_have_fewer_cells_round_by_round(name: str) -> None:
    with pytest.raises(ValueError, match="eta is a whole number from 2 on, not 1"):
        getattr(searches, name)(Experiment([TABLE], 10.0), Random(0), eta=1)


def test_a_budget_is_more_than_nothing() -> None:
    for wrong in (0, -1.0, math.inf, math.nan):
        with pytest.raises(ValueError, match="more than 0 seconds"):
            repeat(SEARCHES["random"], [TABLE], wrong)
    short = repeat(SEARCHES["random"], [TABLE], 1e-9, runs=2)
    assert np.isnan(short.accuracy).all()
    assert short.scores == 2
    with pytest.raises(ValueError, match="is not in the table"):
        repeat(SEARCHES["random"], [TABLE.of(range(10))], 100, runs=1)
