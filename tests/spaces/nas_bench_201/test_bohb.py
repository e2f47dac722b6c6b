"""BOHB: its densities against statsmodels', what its model proposes, its brackets."""

from __future__ import annotations

import math
from collections import Counter
from random import Random

import numpy as np
import pytest
from statsmodels.nonparametric.kernel_density import KDEMultivariate

from kit.spaces.nas_bench_201.bohb import LEAST, WIDEST, Density, Model
from kit.spaces.nas_bench_201.cell import EDGES, OPERATIONS, Cell
from kit.spaces.nas_bench_201.searches import SEARCHES, Experiment, random_cell, repeat
from tests.spaces.nas_bench_201.made import table


def digits(count: int, seed: int = 0) -> np.ndarray:
    """Cells of which every operation is on every edge of some one."""
    drawn = np.random.default_rng(seed).integers(0, 5, (count, 6))
    drawn[:5] = np.arange(5)[:, None]
    return drawn


@pytest.mark.parametrize("count", [7, 40, 400])
def test_densities_are_those_of_statsmodels(count: int) -> None:
    cells, asked = digits(count), digits(30, 1)
    found = Density.of(cells, 0.3)
    other = KDEMultivariate(data=cells, var_type="u" * 6, bw="normal_reference")
    assert found.bandwidth == pytest.approx(np.clip(other.bw, 0.3, WIDEST))
    other.bw = found.bandwidth
    assert found.at(asked) == pytest.approx(other.pdf(asked))


def test_a_density_is_one_over_all_cells() -> None:
    every = np.stack(np.meshgrid(*[np.arange(5)] * 6), -1).reshape(-1, 6)
    few = Density.of(digits(9)[5:], 0.3)
    assert few.at(every).sum() == pytest.approx(1)
    assert Density.of(digits(9), WIDEST).at(every) == pytest.approx(1 / len(every))


def test_draws_follow_the_density() -> None:
    density, random = Density.of(np.array([[0, 1, 2, 3, 4, 0]]), 0.3), Random(0)
    drawn = np.array([density.draw(random) for _ in range(20_000)])
    own = (drawn == density.cells[0]).mean(0)
    assert own == pytest.approx(np.full(6, 1 - 0.3 * 0.8), abs=0.01)


def score(cell: Cell) -> float:
    """The more 3 × 3 convolutions the better."""
    return float(cell.operations.count("nor_conv_3x3"))


def test_a_model_proposes_what_the_good_ones_have() -> None:
    model, random = Model(Random(0)), Random(1)
    cells = [random_cell(random) for _ in range(100)]
    for place, cell in enumerate(cells):
        assert (model.good is None) == (place < 2 * LEAST)
        model.learn(cell, 4, score(cell))
    proposed = [model.propose() for _ in range(300)]
    assert np.mean([score(each) for each in proposed]) > 1.5 * np.mean([score(e) for e in cells])


def test_the_longest_trained_cells_of_which_there_are_enough_decide() -> None:
    model, random = Model(Random(0)), Random(2)
    for _ in range(20):
        model.learn(random_cell(random), 1, random.random())
    assert model.epochs == 1
    for _ in range(2 * LEAST):
        model.learn(random_cell(random), 4, random.random())
    assert model.epochs == 4
    good = model.good
    model.learn(random_cell(random), 1, 1e9)
    assert model.good is good
    assert len(model.known[1]) == 20


def test_what_has_diverged_is_never_among_the_good_ones() -> None:
    model = Model(Random(0))
    for place in range(3 * LEAST):
        name = OPERATIONS[place % 2]
        model.learn(Cell((name,) * len(EDGES)), 1, math.nan if place % 2 else place)
    assert model.good is not None
    assert set(model.good.cells.ravel().tolist()) == {0}


@pytest.mark.parametrize("name", ["hyperband", "bohb"])
def test_brackets_are_those_of_hpbandster(name: str) -> None:
    """Of 12 epochs and eta 3: nine cells of 1, 4 and 12 epochs, three of 4 and 12, three of 12."""

    class Counted(Experiment):
        def score(self, cell: Cell, epoch: int | None = None) -> float:
            asked.append((cell.index, epoch))
            return super().score(cell, epoch)

    asked: list[tuple[int, int | None]] = []
    SEARCHES[name](Counted([table(epochs=12)], 1e4), Random(0))
    epochs = [epoch for _, epoch in asked[:20]]
    assert epochs == [*[0] * 9, *[3] * 3, 11, *[3] * 3, 11, *[11] * 3]
    made = table(epochs=12)
    kept = sorted((cell for cell, _ in asked[:9]), key=lambda cell: -made.score(cell, 0))[:3]
    assert Counter(cell for cell, _ in asked[9:12]) == Counter(kept)


def test_the_model_finds_better_cells_than_chance() -> None:
    """On a table whose errors add up over the edges, so that there is something to learn."""
    made = table(epochs=3)
    worth = dict(zip(OPERATIONS, (0, 5, 10, 15, 8), strict=True))
    for place, number in enumerate(made.cells.tolist()):
        accuracy = sum(worth[name] for name in Cell.of(number).operations)
        made.curves["valtest-accuracy"][place] = accuracy
    ends = {
        name: repeat(SEARCHES[name], [made], 300, runs=20).accuracy[-1, 1]
        for name in ("hyperband", "bohb")
    }
    assert ends["bohb"] > ends["hyperband"] + 5
