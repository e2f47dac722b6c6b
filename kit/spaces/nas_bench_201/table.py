"""What training all cells came to, looked up in microseconds. No torch."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from kit.spaces.nas_bench_201.cell import COUNT, Cell, index, string
from kit.spaces.nas_bench_201.costs import Costs

Numbers = npt.NDArray[np.float64]
Whole = npt.NDArray[np.int64]
TRAIN = "train"
SETS = ("valid", "test", "valtest")
"""What can have been evaluated: validation and test samples, and both together, as the published
archives name them. A score for a search is of the first that a table has."""
MEASURES = ("loss", "accuracy", "seconds")


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What holds for a whole table.

    Attributes:
        task: or data set.
        epochs: of each cell's training.
        seed: of it.
        full: the accuracy of a cell without error, 100 where it is in percent.
        note: what a reader must know, such as that classes share one training.
        provenance: where it comes from, by keyword.
    """

    task: str
    epochs: int
    seed: int
    full: float = 100.0
    note: str = ""
    provenance: dict[str, str] = {}


@dataclass(frozen=True, eq=False)
class Table:
    """Losses, accuracies and seconds of cells after each epoch, of one task, length and seed.

    Attributes:
        header: what holds for all of it.
        cells: (n,) numbers of the cells in it, ascending.
        trained: (n,) the cell that was trained in the place of each: itself, or one of its class.
        parameters: (n,) of each cell's own network.
        multiply_adds: (n,) likewise.
        curves: by name, such as ``train-loss``, ``valtest-accuracy``, ``valtest-seconds``: (m,
            epochs), a row for each cell that was trained, by number. NaN is a value that is not
            known; seconds are those of one epoch.
    """

    header: Header
    cells: Whole
    trained: Whole
    parameters: Whole
    multiply_adds: Whole
    curves: Mapping[str, Numbers]
    _place: Whole = field(init=False, repr=False)
    _row: Whole = field(init=False, repr=False)

    def __post_init__(self) -> None:
        place = np.full(COUNT, -1)
        place[self.cells] = np.arange(len(self.cells))
        row = np.full(COUNT, -1)
        row[np.unique(self.trained)] = np.arange(len(np.unique(self.trained)))
        object.__setattr__(self, "_place", place)
        object.__setattr__(self, "_row", row[self.trained])

    def __len__(self) -> int:
        return len(self.cells)

    def __contains__(self, cell: Any) -> bool:
        return bool(self._place[self.index(cell)] >= 0)

    @cached_property
    def sets(self) -> tuple[str, ...]:
        """What was evaluated, of ``SETS``."""
        return tuple(each for each in SETS if f"{each}-loss" in self.curves)

    @staticmethod
    def index(cell: Any) -> int:
        """Return the number of a cell, which may be a string, a number or a genotype.

        Raises:
            ValueError: it is no cell.
        """
        if isinstance(cell, str):
            return index(cell)
        if type(cell) is int and 0 <= cell < COUNT:
            return cell
        return Cell.of(cell).index

    def info(self, cell: Any, epoch: int | None = None) -> dict[str, float | None]:
        """Return all that is known of a cell after an epoch, as ``nats_bench`` names it.

        Args:
            cell: a number, string or genotype.
            epoch: from 0; None for the last.

        Returns:
            for ``train`` and each of ``sets``: loss, accuracy, ``per-time`` (mean seconds of an
            epoch so far) and ``all-time`` (seconds so far); None where it was not measured.

        Raises:
            ValueError: no such cell or epoch in the table.
        """
        row, epoch = self.row(cell), self._epoch(epoch)
        found: dict[str, float | None] = {}
        for keys, loss, accuracy, spent in self._columns:
            seconds = spent.item(row, epoch)
            values = (loss.item(row, epoch), accuracy.item(row, epoch), seconds / (epoch + 1))
            for key, value in zip(keys, (*values, seconds), strict=True):
                found[key] = value if value == value else None
        return found

    def score(self, cell: Any, epoch: int | None = None, name: str | None = None) -> float:
        """Return the accuracy of a cell after an epoch.

        Args:
            cell: a number, string or genotype.
            epoch: from 0; None for the last.
            name: one of ``sets``; the first of them by default.

        Raises:
            ValueError: no such cell, epoch or set in the table.
        """
        return float(self._curve(name, "accuracy").item(self.row(cell), self._epoch(epoch)))

    def seconds(self, cell: Any, epoch: int | None = None, name: str | None = None) -> float:
        """Return what it takes to train a cell up to an epoch and to evaluate it once after it.

        Args:
            cell: a number, string or genotype.
            epoch: from 0; None for the last.
            name: the set evaluated; the first of ``sets`` by default.

        Raises:
            ValueError: no such cell, epoch or set in the table.
        """
        row, epoch, name = self.row(cell), self._epoch(epoch), self._set(name)
        once = self._spent[name].item(row, epoch) / (epoch + 1)
        return float(self._spent[TRAIN].item(row, epoch) + once)

    def errors(self, name: str | None = None, epoch: int | None = None) -> Numbers:
        """Return (n,) errors of ``cells``: 1 - accuracy as a fraction, NaN where not known."""
        column = self._curve(name, "accuracy")[:, self._epoch(epoch)]
        return 1 - column[self._row] / self.header.full

    def costs(self, cell: Any) -> Costs:
        """Return parameters and multiply-adds of a cell's own network."""
        place = self._place_of(cell)
        return Costs(int(self.parameters[place]), int(self.multiply_adds[place]))

    def best(self, name: str | None = None, epoch: int | None = None) -> int:
        """Return the cell with the largest accuracy, the first of equal ones.

        Raises:
            ValueError: none has a known one.
        """
        errors = self.errors(name, epoch)
        if np.isnan(errors).all():
            raise ValueError("no cell of the table has a known accuracy there")
        return int(self.cells[np.nanargmin(errors)])

    def of(self, cells: Sequence[int]) -> Table:
        """Return the table of some of its cells."""
        kept = np.isin(self.cells, cells)
        trained = np.unique(self.trained)
        rows = np.isin(trained, self.trained[kept])
        return replace(
            self,
            **{name: getattr(self, name)[kept] for name in COLUMNS},
            curves={name: curve[rows] for name, curve in self.curves.items()},
        )

    @cached_property
    def _spent(self) -> dict[str, Numbers]:
        """Seconds up to each epoch."""
        return {name: np.cumsum(self.curves[f"{name}-seconds"], 1) for name in (TRAIN, *self.sets)}

    @cached_property
    def _columns(self) -> list[tuple[tuple[str, ...], Numbers, Numbers, Numbers]]:
        """Return what ``info`` tells of each set: keys, losses, accuracies, seconds so far."""
        return [
            (
                tuple(f"{name}-{each}" for each in ("loss", "accuracy", "per-time", "all-time")),
                self.curves[f"{name}-loss"],
                self.curves[f"{name}-accuracy"],
                self._spent[name],
            )
            for name in (TRAIN, *self.sets)
        ]

    def _set(self, name: str | None) -> str:
        known = self.sets
        if not known:
            raise ValueError("nothing was evaluated in this table")
        if name is not None and name not in known:
            raise ValueError(f"the table has {', '.join(known)}, no {name!r}")
        return known[0] if name is None else name

    def _curve(self, name: str | None, measure: str) -> Numbers:
        return self.curves[f"{self._set(name)}-{measure}"]

    def _epoch(self, epoch: int | None) -> int:
        last = self.header.epochs - 1
        if epoch is not None and not 0 <= epoch <= last:
            raise ValueError(f"epochs are numbered from 0 to {last}, not {epoch}")
        return last if epoch is None else epoch

    def _place_of(self, cell: Any) -> int:
        number = self.index(cell)
        place: int = self._place.item(number)
        if place < 0:
            raise ValueError(
                f"cell {number}, {string(number)}, is not in the table, which has "
                f"{len(self.cells)} of {COUNT}"
            )
        return place

    def row(self, cell: Any) -> int:
        """Return which row of ``curves`` is a cell's, or that of the cell trained in its place.

        Raises:
            ValueError: no such cell in the table.
        """
        return int(self._row.item(self._place_of(cell)))


COLUMNS = ("cells", "trained", "parameters", "multiply_adds")
