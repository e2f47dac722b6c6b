"""Figures 3 and 4 of NAS-Bench-360: ranks of cells and importance of operations. No torch."""

from __future__ import annotations

from collections.abc import Sequence
from functools import cache

import numpy as np
import numpy.typing as npt

from kit.spaces.nas_bench_201.cell import COUNT, EDGES, OPERATIONS, Cell, strings
from kit.spaces.nas_bench_201.table import Numbers, Table, Whole

Chosen = npt.NDArray[np.bool_]
SHARE = 0.05
"""The share of all cells that is the top set."""


def errors(tables: Sequence[Table], name: str | None = None) -> Numbers:
    """Return the errors of all cells after the last epoch, as means over seeds.

    Args:
        tables: tables of one task and number of epochs, with different seeds.
        name: the evaluated set; by default the first that a table has of ``test``, ``valtest`` and
            ``valid``.

    Returns:
        (15625,) errors as fractions, in the published order; NaN for cells that are in no table.
    """
    values = np.full((len(tables), COUNT), np.nan)
    for row, table in zip(values, tables, strict=True):
        sets = [each for each in ("test", "valtest", "valid") if each in table.sets]
        row[table.cells] = table.errors(name or sets[0])
    known = ~np.isnan(values)
    total = np.where(known, values, 0).sum(0)
    with np.errstate(invalid="ignore"):
        mean: Numbers = total / known.sum(0)
    return mean


def ranks(of: Numbers) -> Whole:
    """Return the ranks (n,) of cells by error, 1 for the best; ties go to the lower number.

    Args:
        of: (n,) errors; cells with NaN get rank 0.
    """
    order = np.argsort(of, kind="stable")
    order = order[~np.isnan(of[order])]
    result = np.zeros(len(of), np.int64)
    result[order] = np.arange(1, len(order) + 1)
    return result


@cache
def _digits() -> Whole:
    """Return (15625, 6): the index of the operation on each edge of each cell."""
    cells = (Cell.parse(each).operations for each in strings())
    return np.array([[OPERATIONS.index(name) for name in each] for each in cells])


@cache
def _neighbours() -> Whole:
    """Return (15625, 6, 5): the number of the cell with each operation on each edge instead."""
    digits = _digits()
    worth = len(OPERATIONS) ** np.arange(len(EDGES) - 1, -1, -1)
    codes = digits @ worth
    number_of = np.empty(COUNT, np.int64)
    number_of[codes] = np.arange(COUNT)
    # The change of the code for each operation on each edge.
    change = (np.arange(len(OPERATIONS)) - digits[:, :, None]) * worth[:, None]
    return number_of[codes[:, None, None] + change]


def importance(of: Numbers) -> Numbers:
    """Return the importance of the operation on each edge of each cell (Wan et al., ICLR 2022).

    It is the mean increase of the error if one of the four other operations replaces the operation,
    so that it is positive for operations that help.

    Args:
        of: (15625,) errors.

    Returns:
        (15625, 6), NaN where an error is unknown.
    """
    near = of[_neighbours()]
    increase = (near - of[:, None, None]).sum(2)  # the cell itself adds 0
    result: Numbers = increase / (len(OPERATIONS) - 1)
    return result


def best(of: Numbers, share: float = SHARE) -> Whole:
    """Return the numbers of the cells with the lowest errors, in ascending order of these.

    Args:
        of: (n,) errors.
        share: share of the cells with a known error; at least one of these is returned.
    """
    known = int((~np.isnan(of)).sum())
    return np.argsort(of, kind="stable")[: min(known, max(1, round(share * known)))]


def edges_of(cells: Whole) -> Chosen:
    """Return (15625, 6): true for all edges of these cells, given by their numbers."""
    edges = np.zeros((COUNT, len(EDGES)), bool)
    edges[cells] = True
    return edges


def edges_around(found: Numbers) -> tuple[Whole, Chosen]:
    """Return the cells whose 24 neighbours are known, and the edges where these differ.

    For each edge of a cell, this is the edge of the cell itself and that of four neighbours, so
    that each operation occurs once.

    Args:
        found: (15625, 6) importance.

    Returns:
        The numbers of the cells, and (15625, 6): true for the edges.
    """
    cells = np.flatnonzero(~np.isnan(found).any(1))
    around = np.zeros((COUNT, len(EDGES)), bool)
    for edge in range(len(EDGES)):
        around[_neighbours()[cells, edge], edge] = True
    return cells, around


def by_operation(found: Numbers, edges: Chosen) -> dict[str, Numbers]:
    """Return operation -> its importance on each of the chosen edges that have it.

    Args:
        found: (15625, 6) importance; edges with NaN are left out.
        edges: (15625, 6), true for chosen edges.
    """
    known = edges & ~np.isnan(found)
    return {name: found[known & (_digits() == number)] for number, name in enumerate(OPERATIONS)}
