"""Searches on tables, in simulated seconds (NATS-Bench; NAS-Bench-360, section 5). No torch.

A search is a function that asks an ``Experiment`` for scores until its seconds are spent::

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
"""Scores that a search may ask for: one that takes no seconds would never end."""


@dataclass
class Experiment:
    """Answers a search from tables, and counts the seconds that training would have taken.

    Attributes:
        tables: of one task and length with different seeds; of several, one is drawn each time.
        budget: seconds; the evaluation that goes beyond it is the last one.
        random: draws seeds.
        spent: seconds so far.
        trace: (seconds spent, cell, score) after each evaluation.
    """

    tables: Sequence[Table]
    budget: float
    random: Random = field(default_factory=lambda: Random(0))
    spent: float = 0.0
    trace: list[tuple[float, int, float]] = field(default_factory=list)

    @property
    def over(self) -> bool:
        """Whether the seconds are spent."""
        return self.spent >= self.budget or len(self.trace) >= MOST

    def score(self, cell: Cell, epoch: int | None = None) -> float:
        """Return a cell's accuracy after an epoch (None: the last), and take its seconds.

        Raises:
            ValueError: the cell is not in the table.
        """
        table = self.tables[0] if len(self.tables) == 1 else self.random.choice(self.tables)
        number = cell.index
        found = table.score(number, epoch)
        self.spent += table.seconds(number, epoch)
        self.trace.append((self.spent, number, found))
        return found

    @property
    def answer(self) -> int:
        """The cell with the best score of all that were asked for, the first of equal ones."""
        return max(self.trace, key=lambda entry: (not math.isnan(entry[2]), entry[2]))[1]


Search = Callable[[Experiment, Random], None]


def random_cell(random: Random) -> Cell:
    """Return a cell whose operations are drawn evenly."""
    return Cell(tuple(random.choice(OPERATIONS) for _ in EDGES))


def mutated(cell: Cell, random: Random) -> Cell:
    """Return a cell with another operation on one edge: of a node drawn first, then its edge."""
    node = random.randint(1, NODES - 1)
    edge = random.choice([place for place, (_, target) in enumerate(EDGES) if target == node])
    others = [name for name in OPERATIONS if name != cell.operations[edge]]
    return cell.changed(edge, random.choice(others))


def random_search(experiment: Experiment, random: Random) -> None:
    """Score random cells."""
    while not experiment.over:
        experiment.score(random_cell(random))


def regularised_evolution(
    experiment: Experiment, random: Random, population: int = 10, sample: int = 3
) -> None:
    """Mutate the best of a sample, drawn with replacement; the oldest dies (Real et al. 2019).

    Args:
        experiment: answers.
        random: draws.
        population: how many live.
        sample: how many are drawn.
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
    """Learn a distribution of operations on each edge from rewards (Williams 1992), by Adam.

    Args:
        experiment: answers.
        random: draws.
        rate: of Adam, whose other values are torch's own.
        momentum: of the mean of rewards, which is corrected for its start at 0.
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
        steps += 1
        mean = momentum * mean + (1 - momentum) * reward
        advantage = reward - mean / (1 - momentum**steps)
        gradient = advantage * (chances - np.eye(len(OPERATIONS))[chosen])
        first = 0.9 * first + 0.1 * gradient
        second = 0.999 * second + 0.001 * gradient**2
        step = first / (1 - 0.9**steps)
        logits -= rate * step / (np.sqrt(second / (1 - 0.999**steps)) + 1e-8)


def hyperband(experiment: Experiment, random: Random, eta: int = 3) -> None:
    """Give the better third of random cells three times the epochs (Li et al. 2018)."""
    _brackets(experiment, lambda: random_cell(random), lambda *_: None, eta)


def bohb(experiment: Experiment, random: Random, eta: int = 3) -> None:
    """Do as Hyperband with cells that a model of the best ones proposes (Falkner et al. 2018)."""
    model = Model(random)
    _brackets(experiment, model.propose, model.learn, eta)


def _brackets(
    experiment: Experiment,
    propose: Callable[[], Cell],
    learn: Callable[[Cell, int, float], None],
    eta: int,
) -> None:
    """Halve successively, bracket by bracket, each with fewer cells that begin with more epochs.

    Budgets are epochs from 1 to those of the table, and a bracket has so many cells, as hpbandster
    counts them; a cell is trained anew for each budget. NAS-Bench-360 runs 300 brackets whatever
    they take; here the seconds end it.

    Args:
        experiment: answers.
        propose: returns the next cell of a bracket's first budget.
        learn: is told each cell, its epochs and its score.
        eta: what is divided by in each round.
    """
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
"""The ones that are here, by name."""


@dataclass(frozen=True)
class Curves:
    """What many runs of a search came to.

    Attributes:
        seconds: (points,) simulated.
        accuracy: (points, 3): 10th percentile, median and 90th percentile over the runs of the
            accuracy, by the table of answers, of the best cell so far.
        answers: (runs,) the cells that they ended with.
    """

    seconds: Numbers
    accuracy: Numbers
    answers: list[int]


def repeat(
    search: Search,
    tables: Sequence[Table],
    budget: float,
    runs: int = 500,
    answers: Table | None = None,
    points: int = 50,
) -> Curves:
    """Run a search many times, each with a seed of its own.

    Args:
        search: a function of an ``Experiment`` and of what draws.
        tables: that it is answered from.
        budget: seconds of each run.
        runs: how many.
        answers: the table that tells how good a cell is, such as one of 200 epochs; by default the
            first of ``tables``.
        points: of the curves.

    Raises:
        ValueError: no seconds, or a cell is in no table.
    """
    if not budget > 0:
        raise ValueError(f"a budget is more than 0 seconds, not {budget}")
    judge = answers or tables[0]
    grid = np.linspace(0, budget, points + 1)[1:]
    found = np.full((runs, points), np.nan)
    ended = []
    for run in range(runs):
        experiment = Experiment(tables, budget, Random(f"{run}-seeds"))
        search(experiment, Random(run))
        ended.append(experiment.answer)
        best, place = -math.inf, 0
        for seconds, cell, score in experiment.trace:
            if score > best:
                best = score
                value = judge.score(cell)
                place = int(np.searchsorted(grid, seconds))
                found[run, place:] = value
    with np.errstate(all="ignore"):
        known = ~np.isnan(found).all(0)
        bands = np.full((points, 3), np.nan)
        bands[known] = np.nanpercentile(found[:, known], (10, 50, 90), axis=0).T
    return Curves(grid, bands, ended)
