"""Figures 3 and 4 of NAS-Bench-360: ranks on several tasks, importance of operations. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from kit.spaces.nas_bench_201.cell import COUNT, EDGES, OPERATIONS, Cell, strings
from kit.spaces.nas_bench_201.table import Numbers, Table, Whole

Chosen = npt.NDArray[np.bool_]
SHARE = 0.05
"""Of the cells that are in the top set."""


def errors(tables: Sequence[Table], name: str | None = None) -> Numbers:
    """Return (15625,) the final errors of all cells, means over tables of different seeds.

    Args:
        tables: of one task and length.
        name: the set that is evaluated; by default ``test``, where there is none ``valtest``, else
            ``valid``.

    Returns:
        NaN for cells that no table has.
    """
    found = np.full((len(tables), COUNT), np.nan)
    for row, table in zip(found, tables, strict=True):
        sets = [each for each in ("test", "valtest", "valid") if each in table.sets]
        row[table.cells] = table.errors(name or sets[0])
    known = ~np.isnan(found)
    total = np.where(known, found, 0).sum(0)
    with np.errstate(invalid="ignore"):
        mean: Numbers = total / known.sum(0)
    return mean


def ranks(of: Numbers) -> Whole:
    """Return the ranks of cells by error, 1 for the best; of equal ones the first is before.

    Cells whose error is not known have rank 0.
    """
    order = np.argsort(of, kind="stable")
    order = order[~np.isnan(of[order])]
    found = np.zeros(len(of), np.int64)
    found[order] = np.arange(1, len(order) + 1)
    return found


@cache
def _digits() -> Whole:
    """Return (15625, 6): the number of the operation on each edge of each cell."""
    cells = (Cell.parse(each).operations for each in strings())
    return np.array([[OPERATIONS.index(name) for name in each] for each in cells])


@cache
def _neighbours() -> Whole:
    """Return (15625, 6, 5): a cell's number with each operation on each edge."""
    digits = _digits()
    worth = len(OPERATIONS) ** np.arange(len(EDGES) - 1, -1, -1)
    codes = digits @ worth
    number_of = np.empty(COUNT, np.int64)
    number_of[codes] = np.arange(COUNT)
    # By how much the code changes with each operation on each edge.
    change = (np.arange(len(OPERATIONS)) - digits[:, :, None]) * worth[:, None]
    return number_of[codes[:, None, None] + change]


def importance(of: Numbers) -> Numbers:
    """Return (15625, 6) the importance of the operation on each edge (Wan et al., ICLR 2022).

    It is the mean rise of the error with one of the four other operations in its place; positive
    where the operation helps, NaN where an error is not known.

    Args:
        of: (15625,) errors.
    """
    near = of[_neighbours()]
    rise = (near - of[:, None, None]).sum(2)  # by nothing for the operation itself
    found: Numbers = rise / (len(OPERATIONS) - 1)
    return found


def best(of: Numbers, share: float = SHARE) -> Whole:
    """Return the share of all cells that has the lowest errors, by ``argsort``: the top set."""
    known = int((~np.isnan(of)).sum())
    return np.argsort(of, kind="stable")[: max(1, round(share * known))]


def edges_of(cells: Whole) -> Chosen:
    """Return (15625, 6) whether an edge is one of these cells'."""
    found = np.zeros((COUNT, len(EDGES)), bool)
    found[cells] = True
    return found


def edges_around(found: Numbers) -> tuple[Whole, Chosen]:
    """Return the cells of which all 24 neighbours are known, and the edges on which those differ.

    With a cell's own edge these are five for each of its edges, one of each operation.

    Args:
        found: (15625, 6) importance.

    Returns:
        their numbers, and (15625, 6) whether an edge is one of those.
    """
    cells = np.flatnonzero(~np.isnan(found).any(1))
    around = np.zeros((COUNT, len(EDGES)), bool)
    for edge in range(len(EDGES)):
        around[_neighbours()[cells, edge], edge] = True
    return cells, around


def by_operation(found: Numbers, edges: Chosen) -> dict[str, Numbers]:
    """Return the importance of each operation on all chosen edges that have it.

    Args:
        found: (15625, 6) importance; what is not known is left out.
        edges: (15625, 6) whether an edge is chosen.
    """
    wanted = edges & ~np.isnan(found)
    return {name: found[wanted & (_digits() == number)] for number, name in enumerate(OPERATIONS)}
