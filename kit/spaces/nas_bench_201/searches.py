"""Searches on tables, in simulated seconds (NATS-Bench; NAS-Bench-360, section 5). No torch.

A search is a function that asks an ``Experiment`` for scores until its budget is spent::

    def my_search(experiment: Experiment, random: Random) -> None:
        cell = random_cell(random)
        while not experiment.over:
            other = mutated(cell, random)
            if experiment.score(other) > experiment.score(cell):
                cell = other
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from random import Random

import numpy as np

from kit.spaces.nas_bench_201.bohb import Model
from kit.spaces.nas_bench_201.cell import EDGES, NODES, OPERATIONS, Cell
from kit.spaces.nas_bench_201.table import Numbers, Table

MOST = 100_000
"""Largest number of scores of a search, so that scores that cost 0 seconds are not endless."""


@dataclass
class Experiment:
    """Looks up scores for a search in tables, and counts the seconds that training had taken.

    Attributes:
        tables: tables of one task and number of epochs with different seeds; for each score, one of
            them is drawn.
        budget: simulated seconds; the evaluation that exceeds it is the last one.
        random: draws tables.
        spent: simulated seconds so far.
        trace: (seconds spent, number of the cell, score) after each evaluation.
        cut_short: number of evaluations of cells that diverged before their epoch, of which the
            table does not know all seconds; those that it knows are spent.
    """

    tables: Sequence[Table]
    budget: float
    random: Random = field(default_factory=lambda: Random(0))
    spent: float = 0.0
    trace: list[tuple[float, int, float]] = field(default_factory=list)
    cut_short: int = 0

    @property
    def over(self) -> bool:
        """Whether the search must end: the budget is spent, or there were ``MOST`` scores."""
        return self.spent >= self.budget or len(self.trace) >= MOST

    def score(self, cell: Cell, epoch: int | None = None) -> float:
        """Return the accuracy of a cell after an epoch, and add the seconds that it takes.

        An accuracy that the table does not know is minus infinity, and loses against all others;
        its seconds are those that the table knows, up to where the training diverged.

        Args:
            cell: the cell to evaluate.
            epoch: from 0; None for the last.

        Raises:
            ValueError: the table does not have the cell or the epoch, or knows its accuracy and
                not its seconds, without which a budget would have no end.
        """
        table = self.tables[0] if len(self.tables) == 1 else self.random.choice(self.tables)
        number = cell.index
        score, seconds = table.score(number, epoch), table.seconds(number, epoch)
        if math.isnan(seconds):
            if not math.isnan(score):
                raise ValueError(f"the table has no seconds for cell {number}; a search needs them")
            seconds = table.known_seconds(number, epoch)
            self.cut_short += 1
        score = -math.inf if math.isnan(score) else score
        self.spent += seconds
        self.trace.append((self.spent, number, score))
        return score

    @property
    def answer(self) -> int:
        """The number of the cell with the best score so far; ties go to the first.

        Raises:
            ValueError: the search has asked for no score.
        """
        if not self.trace:
            raise ValueError("the search has asked for no score, so that it has no answer")
        return max(self.trace, key=lambda entry: entry[2])[1]


Search = Callable[[Experiment, Random], None]
"""A search: it asks the experiment for scores, and draws with the generator."""


def random_cell(random: Random) -> Cell:
    """Return a cell with operations drawn uniformly."""
    return Cell(tuple(random.choice(OPERATIONS) for _ in EDGES))


def mutated(cell: Cell, random: Random) -> Cell:
    """Return a cell with another operation on a random edge: first its node is drawn, then it."""
    node = random.randint(1, NODES - 1)
    edge = random.choice([place for place, (_, target) in enumerate(EDGES) if target == node])
    others = [name for name in OPERATIONS if name != cell.operations[edge]]
    return cell.changed(edge, random.choice(others))


def random_search(experiment: Experiment, random: Random) -> None:
    """Score random cells until the budget is spent."""
    while not experiment.over:
        experiment.score(random_cell(random))


def regularised_evolution(
    experiment: Experiment, random: Random, population: int = 10, sample: int = 3
) -> None:
    """Replace the oldest cell by a mutation of the best of a sample (Real et al. 2019).

    Args:
        experiment: returns scores.
        random: draws cells and samples.
        population: number of cells alive.
        sample: number of these that are drawn, with replacement, to find the parent.
    """
    alive: deque[tuple[float, Cell]] = deque()
    while len(alive) < population and not experiment.over:
        cell = random_cell(random)
        alive.append((experiment.score(cell), cell))
    while not experiment.over:
        drawn = [random.choice(alive) for _ in range(sample)]
        child = mutated(max(drawn, key=lambda each: each[0])[1], random)
        alive.append((experiment.score(child), child))
        alive.popleft()


def reinforce(
    experiment: Experiment, random: Random, rate: float = 0.01, momentum: float = 0.9
) -> None:
    """Learn a distribution of the operations on each edge from rewards by Adam (Williams 1992).

    Args:
        experiment: returns scores, which are the rewards.
        random: draws the seed of the cells.
        rate: learning rate of Adam, whose other options have torch's defaults.
        momentum: momentum of the running mean of rewards, the baseline, which is corrected for its
            start at 0.
    """
    draw = np.random.default_rng(random.getrandbits(64))
    logits = 1e-3 * draw.standard_normal((len(EDGES), len(OPERATIONS)))
    first, second = np.zeros_like(logits), np.zeros_like(logits)
    mean, steps = 0.0, 0
    while not experiment.over:
        shifted = np.exp(logits - logits.max(1, keepdims=True))
        chances = shifted / shifted.sum(1, keepdims=True)
        chosen = [int(np.searchsorted(row.cumsum(), draw.random() * row.sum())) for row in chances]
        chosen = [min(each, len(OPERATIONS) - 1) for each in chosen]
        reward = experiment.score(Cell(tuple(OPERATIONS[each] for each in chosen)))
        if not math.isfinite(reward):
            continue  # nothing can be learnt from it
        steps += 1
        mean = momentum * mean + (1 - momentum) * reward
        advantage = reward - mean / (1 - momentum**steps)
        gradient = advantage * (chances - np.eye(len(OPERATIONS))[chosen])
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        step = first / (1 - 0.9**steps)
        logits -= rate * step / (np.sqrt(second / (1 - 0.999**steps)) + 1e-8)


def hyperband(experiment: Experiment, random: Random, eta: int = 3) -> None:
    """Train random cells, and the better third again with three times the epochs (Li et al. 2018).

    Args:
        experiment: returns scores.
        random: draws cells.
        eta: the factor of the epochs, whose inverse is the share of cells; 3 in the paper.
    """
    _brackets(experiment, lambda: random_cell(random), lambda *_: None, eta)


def bohb(experiment: Experiment, random: Random, eta: int = 3) -> None:
    """Run Hyperband with cells that a model of the good ones proposes (Falkner et al. 2018).

    Args:
        experiment: returns scores.
        random: draws cells.
        eta: see ``hyperband``.
    """
    model = Model(random)
    _brackets(experiment, model.propose, model.learn, eta)


def _brackets(
    experiment: Experiment,
    propose: Callable[[], Cell],
    learn: Callable[[Cell, int, float], None],
    eta: int,
) -> None:
    """Run brackets of successive halving, each with fewer cells that begin with more epochs.

    The numbers of epochs, from 1 to that of the table, and of cells are those of hpbandster; a cell
    is trained from scratch for each number of epochs. NAS-Bench-360 runs 300 brackets whatever they
    cost; here the budget ends the search.

    Args:
        experiment: returns scores.
        propose: returns the next cell of the first round of a bracket.
        learn: called with each cell, its epochs and its score.
        eta: after each round, the number of cells is divided, that of epochs multiplied by it.

    Raises:
        ValueError: eta is below 2.
    """
    if eta < 2:
        raise ValueError(f"eta is a whole number from 2 on, not {eta}")
    most = experiment.tables[0].header.epochs
    rounds = int(math.log(most, eta) + 1e-9) + 1
    bracket = 0
    while not experiment.over:
        left = rounds - 1 - bracket % rounds
        cells: list[Cell] = []
        count = rounds // (left + 1) * eta**left
        for stage in range(left, -1, -1):
            epochs = max(1, int(most / eta**stage))
            scored: list[tuple[float, int]] = []
            for place in range(count):
                if experiment.over:
                    return
                if stage == left:
                    cells.append(propose())
                score = experiment.score(cells[place], epochs - 1)
                learn(cells[place], epochs, score)
                scored.append((score, place))
            count = max(1, count // eta)
            kept = sorted(scored, key=lambda each: -each[0])[:count]
            cells = [cells[place] for _, place in kept]
        bracket += 1


SEARCHES: dict[str, Search] = {
    "random": random_search,
    "regularised-evolution": regularised_evolution,
    "reinforce": reinforce,
    "hyperband": hyperband,
    "bohb": bohb,
}
"""The searches of this module, by name."""


@dataclass(frozen=True)
class Curves:
    """The results of many runs of a search.

    Attributes:
        seconds: (points,) simulated seconds.
        accuracy: (points, 3): 10th percentile, median and 90th percentile, over the runs, of the
            accuracy of the best cell so far, in the unit of the table that judges it. NaN before
            the first score of any run.
        answers: (runs,) numbers of the best cells at the end.
        scores: number of evaluations in all runs.
        cut_short: number of them that were of cells that diverged; see ``Experiment``.
    """

    seconds: Numbers
    accuracy: Numbers
    answers: list[int]
    scores: int = 0
    cut_short: int = 0


def repeat(
    search: Search,
    tables: Sequence[Table],
    budget: float,
    runs: int = 500,
    answers: Table | None = None,
    points: int = 50,
) -> Curves:
    """Run a search many times with different seeds.

    Args:
        search: the search.
        tables: in which its experiments look up scores.
        budget: simulated seconds of each run.
        runs: number of runs.
        answers: the table that judges the best cells, such as one of 200 epochs; by default the
            first of ``tables``.
        points: number of points of the curves.

    Raises:
        ValueError: the budget is not above 0 or has no end, or a cell is not in a table.
    """
    if not 0 < budget < math.inf:
        raise ValueError(f"a budget is more than 0 seconds, and has an end: not {budget}")
    judge = answers or tables[0]
    grid = np.linspace(0, budget, points + 1)[1:]
    accuracies = np.full((runs, points), np.nan)
    final_cells, scores, cut_short = [], 0, 0
    for run in range(runs):
        experiment = Experiment(tables, budget, Random(f"{run}-seeds"))
        search(experiment, Random(run))
        final_cells.append(experiment.answer)
        scores += len(experiment.trace)
        cut_short += experiment.cut_short
        best, place = -math.inf, 0
        for seconds, cell, score in experiment.trace:
            if score > best:
                best = score
                value = judge.score(cell)
                place = int(np.searchsorted(grid, seconds))
                accuracies[run, place:] = value
    with np.errstate(all="ignore"):
        known = ~np.isnan(accuracies).all(0)
        bands = np.full((points, 3), np.nan)
        if known.any():  # else no evaluation has ended within the budget
            bands[known] = np.nanpercentile(accuracies[:, known], (10, 50, 90), axis=0).T
    return Curves(grid, bands, final_cells, scores, cut_short)
