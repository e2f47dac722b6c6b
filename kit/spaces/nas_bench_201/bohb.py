"""The model of BOHB (Falkner, Klein and Hutter, ICML 2018), which proposes the next cell.

It is implemented here because no maintained library has it: the authors' package, hpbandster, is of
2018; dehb (evolution) and smac (forests) are other methods; optuna has another Hyperband and takes
milliseconds for each proposal, which is minutes for 500 searches.
"""

from __future__ import annotations

import math
from collections import defaultdict
from dataclasses import dataclass
from random import Random

import numpy as np
import numpy.typing as npt

from kit.spaces.nas_bench_201.cell import EDGES, OPERATIONS, Cell

Digits = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]
# As in hpbandster: the percentage of cells of one training length that count as good, and the least
# number of cells that each density needs.
GOOD_PERCENT, LEAST = 15, len(EDGES) + 1
# The bandwidth at which all operations have the same probability.
WIDEST = 1 - 1 / len(OPERATIONS)


@dataclass(frozen=True)
class Density:
    """A kernel density of cells: a product of kernels over edges (Aitchison and Aitken 1976).

    Attributes:
        cells: (n, 6) indices of ``OPERATIONS``, at which the kernels are centred.
        bandwidth: (6,) probability, on each edge, of an operation other than that of the centre.
    """

    cells: Digits
    bandwidth: Numbers

    @classmethod
    def of(cls, cells: Digits, narrowest: float) -> Density:
        """Return the density of cells.

        The bandwidth is that of the normal reference rule for the indices of the operations, as in
        hpbandster, but at most ``WIDEST``.

        Args:
            cells: (n, 6) indices of ``OPERATIONS``.
            narrowest: lower bound of the bandwidth.
        """
        count, edges = cells.shape
        rule = 1.06 * cells.std(0) * count ** (-1 / (4 + edges))
        return cls(cells, np.clip(rule, narrowest, WIDEST))

    def at(self, cells: Digits) -> Numbers:
        """Return the probabilities (m,) of cells (m, 6)."""
        same = cells[:, None] == self.cells
        other = self.bandwidth / (len(OPERATIONS) - 1)
        probabilities: Numbers = np.where(same, 1 - self.bandwidth, other).prod(2).mean(1)
        return probabilities

    def draw(self, random: Random) -> list[int]:
        """Return a random cell, as indices: one of ``cells`` with some operations redrawn."""
        centre = self.cells[random.randrange(len(self.cells))].tolist()
        return [
            random.randrange(len(OPERATIONS)) if random.random() < width else operation
            for operation, width in zip(centre, self.bandwidth.tolist(), strict=True)
        ]


class Model:
    """Proposes cells that are likely among the good cells and unlikely among the others.

    The densities are those of the largest number of epochs for which enough cells are known.

    Args:
        random: draws cells.
        samples: number of cells drawn for a proposal, which is the best of them.
        narrowest: lower bound of the bandwidths.
    """

    def __init__(self, random: Random, samples: int = 4, narrowest: float = 0.3) -> None:
        self.random, self.samples, self.narrowest = random, samples, narrowest
        self.known: dict[int, list[tuple[float, tuple[int, ...]]]] = defaultdict(list)
        self.epochs = 0
        self.good: Density | None = None
        self.bad: Density | None = None

    def learn(self, cell: Cell, epochs: int, score: float) -> None:
        """Add the score of a cell after a number of epochs; higher is better, NaN is worst."""
        if epochs < self.epochs:
            return
        error = math.inf if math.isnan(score) else -score
        known = self.known[epochs]
        known.append((error, tuple(OPERATIONS.index(name) for name in cell.operations)))
        good = max(LEAST, GOOD_PERCENT * len(known) // 100)
        bad = max(LEAST, (100 - GOOD_PERCENT) * len(known) // 100)
        ordered = np.array([each for _, each in sorted(known, key=lambda pair: pair[0])])
        if len(ordered) - good >= LEAST:
            self.epochs = epochs
            self.good = Density.of(ordered[:good], self.narrowest)
            self.bad = Density.of(ordered[good : good + bad], self.narrowest)

    def propose(self) -> Cell:
        """Return the next cell; it is random as long as too few are known."""
        if self.good is None or self.bad is None:
            return Cell(tuple(self.random.choice(OPERATIONS) for _ in EDGES))
        drawn = [self.good.draw(self.random) for _ in range(self.samples)]
        cells = np.array(drawn)
        best = int(np.argmax(self.good.at(cells) / self.bad.at(cells)))
        return Cell(tuple(OPERATIONS[each] for each in drawn[best]))
