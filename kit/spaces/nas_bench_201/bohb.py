"""The model of BOHB (Falkner, Klein and Hutter, ICML 2018) for cells: which one to try next.

Written anew since no maintained library has it: its authors' package, hpbandster, is of 2018. What
is kept up is another method (dehb evolves, smac fits forests), or has another Hyperband and takes
milliseconds for a proposal (optuna), which is minutes for 500 searches.
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
# hpbandster's: of the cells of a length these are the good ones, and no fewer than those.
GOOD_PERCENT, LEAST = 15, len(EDGES) + 1
# At this bandwidth every operation is as likely as any other.
WIDEST = 1 - 1 / len(OPERATIONS)


@dataclass(frozen=True)
class Density:
    """How likely cells are beside some: a product of kernels over edges (Aitchison, Aitken 1976).

    Attributes:
        cells: (n, 6) numbers of operations.
        bandwidth: (6,) how likely another operation than a cell's own is.
    """

    cells: Digits
    bandwidth: Numbers

    @classmethod
    def of(cls, cells: Digits, narrowest: float) -> Density:
        """Return the density of cells, (n, 6).

        The bandwidth is by the normal reference rule of the operations' numbers, as hpbandster's,
        but at most what makes all of them alike.
        """
        count, edges = cells.shape
        rule = 1.06 * cells.std(0) * count ** (-1 / (4 + edges))
        return cls(cells, np.clip(rule, narrowest, WIDEST))

    def at(self, cells: Digits) -> Numbers:
        """Return (m,) probabilities of cells, (m, 6)."""
        same = cells[:, None] == self.cells
        other = self.bandwidth / (len(OPERATIONS) - 1)
        found: Numbers = np.where(same, 1 - self.bandwidth, other).prod(2).mean(1)
        return found

    def draw(self, random: Random) -> list[int]:
        """Return a cell near one of them."""
        start = self.cells[random.randrange(len(self.cells))].tolist()
        return [
            random.randrange(len(OPERATIONS)) if random.random() < width else own
            for own, width in zip(start, self.bandwidth.tolist(), strict=True)
        ]


class Model:
    """Proposes cells that are likelier beside the good ones than beside the others.

    The cells trained longest of which there are enough decide.

    Args:
        random: draws.
        samples: so many are drawn for a proposal, of which it is the best.
        narrowest: the least bandwidth.
    """

    def __init__(self, random: Random, samples: int = 4, narrowest: float = 0.3) -> None:
        self.random, self.samples, self.narrowest = random, samples, narrowest
        self.known: dict[int, list[tuple[float, tuple[int, ...]]]] = defaultdict(list)
        self.epochs = 0
        self.good: Density | None = None
        self.bad: Density | None = None

    def learn(self, cell: Cell, epochs: int, score: float) -> None:
        """Take in what a cell came to after so many epochs; higher is better, NaN is worst."""
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
        """Return the next cell: a random one as long as too few are known."""
        if self.good is None or self.bad is None:
            return Cell(tuple(self.random.choice(OPERATIONS) for _ in EDGES))
        drawn = [self.good.draw(self.random) for _ in range(self.samples)]
        cells = np.array(drawn)
        best = int(np.argmax(self.good.at(cells) / self.bad.at(cells)))
        return Cell(tuple(OPERATIONS[each] for each in drawn[best]))
