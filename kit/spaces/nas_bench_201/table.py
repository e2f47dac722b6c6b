"""Tables of the results of training all cells, with fast lookup. No torch."""

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
"""The sets of samples on which cells can be evaluated: validation, test, and both together.

The names are those of the published archives. Searches use the first that a table has.
"""
MEASURES = ("loss", "accuracy", "seconds")


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The properties of a whole table.

    Attributes:
        task: name of the task or data set.
        epochs: number of epochs of each training.
        seed: seed of the trainings.
        full: the accuracy of a cell without error: 100 if accuracies are in percent.
        note: what a reader must know, such as that one training stands for each class.
        provenance: keyword -> text on where the table comes from.
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
        header: properties of the whole table.
        cells: (n,) numbers of the cells in the table, ascending.
        trained: (n,) number of the cell that was trained in the place of each: the cell itself, or
            another one of its class.
        parameters: (n,) number of parameters of each cell's own network.
        multiply_adds: (n,) number of multiply-adds of each cell's own network for one sample.
        curves: name, such as ``train-loss``, ``valtest-accuracy`` or ``valtest-seconds`` -> (m,
            epochs), with a row for each trained cell, ordered by number. Seconds are those of one
            epoch; NaN is an unknown value.
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
        """Those of ``SETS`` on which the cells were evaluated."""
        return tuple(each for each in SETS if f"{each}-loss" in self.curves)

    @staticmethod
    def index(cell: Any) -> int:
        """Return the number of a cell, which may be a string, a number or a genotype.

        Raises:
            ValueError: it is none of these.
        """
        if isinstance(cell, str):
            return index(cell)
        if type(cell) is int and 0 <= cell < COUNT:
            return cell
        return Cell.of(cell).index

    def info(self, cell: Any, epoch: int | None = None) -> dict[str, float | None]:
        """Return all results of a cell after an epoch, with the names of ``nats_bench``.

        Args:
            cell: a number, string or genotype.
            epoch: from 0; None for the last.

        Returns:
            For ``train`` and each of ``sets``, such as ``train-loss``: loss, accuracy, ``per-time``
            (mean seconds per epoch so far) and ``all-time`` (all seconds so far); None for unknown
            values.

        Raises:
            ValueError: the table does not have the cell or the epoch.
        """
        row, epoch = self.row(cell), self._epoch(epoch)
        results: dict[str, float | None] = {}
        for keys, loss, accuracy, spent in self._columns:
            seconds = spent.item(row, epoch)
            values = (loss.item(row, epoch), accuracy.item(row, epoch), seconds / (epoch + 1))
            for key, value in zip(keys, (*values, seconds), strict=True):
                results[key] = value if value == value else None
        return results

    def score(self, cell: Any, epoch: int | None = None, name: str | None = None) -> float:
        """Return the accuracy of a cell after an epoch; without error, it is ``header.full``.

        Args:
            cell: a number, string or genotype.
            epoch: from 0; None for the last.
            name: one of ``sets``; the first of them by default.

        Raises:
            ValueError: the table does not have the cell, the epoch or the set.
        """
        return float(self._curve(name, "accuracy").item(self.row(cell), self._epoch(epoch)))

    def seconds(self, cell: Any, epoch: int | None = None, name: str | None = None) -> float:
        """Return the seconds to train a cell until the end of an epoch and to evaluate it once.

        Args:
            cell: a number, string or genotype.
            epoch: from 0; None for the last.
            name: the evaluated set; the first of ``sets`` by default.

        Raises:
            ValueError: the table does not have the cell, the epoch or the set.
        """
        row, epoch, name = self.row(cell), self._epoch(epoch), self._set(name)
        once = self._spent[name].item(row, epoch) / (epoch + 1)
        return float(self._spent[TRAIN].item(row, epoch) + once)

    def known_seconds(self, cell: Any, epoch: int | None = None, name: str | None = None) -> float:
        """Return what is known of ``seconds``, which tells of arguments and errors.

        Of a cell that diverged, it is those until it did.
        """
        row, end = self.row(cell), self._epoch(epoch) + 1
        training = self.curves[f"{TRAIN}-seconds"][row, :end]
        evaluations = self._curve(name, "seconds")[row, :end]
        known = evaluations[~np.isnan(evaluations)]
        return float(np.nansum(training) + (known.mean() if len(known) else 0))

    def errors(self, name: str | None = None, epoch: int | None = None) -> Numbers:
        """Return the errors (n,) of ``cells``: 1 - accuracy as a fraction; NaN if unknown.

        Args:
            name: one of ``sets``; the first of them by default.
            epoch: from 0; None for the last.

        Raises:
            ValueError: the table does not have the epoch or the set.
        """
        column = self._curve(name, "accuracy")[:, self._epoch(epoch)]
        return 1 - column[self._row] / self.header.full

    def costs(self, cell: Any) -> Costs:
        """Return parameters and multiply-adds of a cell's own network.

        Raises:
            ValueError: the table does not have the cell.
        """
        place = self._place_of(cell)
        return Costs(int(self.parameters[place]), int(self.multiply_adds[place]))

    def best(self, name: str | None = None, epoch: int | None = None) -> int:
        """Return the number of the cell with the largest accuracy; ties go to the lowest number.

        Args:
            name: one of ``sets``; the first of them by default.
            epoch: from 0; None for the last.

        Raises:
            ValueError: no accuracy is known, or the table does not have the epoch or the set.
        """
        errors = self.errors(name, epoch)
        if np.isnan(errors).all():
            raise ValueError("no cell of the table has a known accuracy there")
        return int(self.cells[np.nanargmin(errors)])

    def of(self, cells: Sequence[int]) -> Table:
        """Return the table with only some cells, given by their numbers.

        Where the cell that was trained for others is left out, the first of them stands for it.
        """
        kept = np.isin(self.cells, cells)
        columns = {name: getattr(self, name)[kept] for name in COLUMNS}
        trained, first, group = np.unique(
            columns["trained"], return_index=True, return_inverse=True
        )
        here = columns["cells"]
        standing = np.where(np.isin(trained, here), trained, here[first])
        rows = np.searchsorted(np.unique(self.trained), trained)[np.argsort(standing)]
        return replace(
            self,
            **columns | {"trained": standing[group]},
            curves={name: curve[rows] for name, curve in self.curves.items()},
        )

    @cached_property
    def _spent(self) -> dict[str, Numbers]:
        """For ``train`` and each set, (m, epochs) seconds until the end of each epoch."""
        return {name: np.cumsum(self.curves[f"{name}-seconds"], 1) for name in (TRAIN, *self.sets)}

    @cached_property
    def _columns(self) -> list[tuple[tuple[str, ...], Numbers, Numbers, Numbers]]:
        """Return, for ``info``, the keys, losses, accuracies and seconds so far of each set."""
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
        """Return the name of a set, or of the first for None; raise ValueError if not there."""
        known = self.sets
        if not known:
            raise ValueError("nothing was evaluated in this table")
        if name is not None and name not in known:
            raise ValueError(f"the table has {', '.join(known)}, no {name!r}")
        return known[0] if name is None else name

    def _curve(self, name: str | None, measure: str) -> Numbers:
        """Return the curves (m, epochs) of a measure on a set; None for the first set."""
        return self.curves[f"{self._set(name)}-{measure}"]

    def _epoch(self, epoch: int | None) -> int:
        """Return an epoch, or the last for None; raise ValueError if it is out of range."""
        last = self.header.epochs - 1
        if epoch is not None and not 0 <= epoch <= last:
            raise ValueError(f"epochs are numbered from 0 to {last}, not {epoch}")
        return last if epoch is None else epoch

    def _place_of(self, cell: Any) -> int:
        """Return the index of a cell in ``cells``; raise ValueError if it is not there."""
        number = self.index(cell)
        place: int = self._place.item(number)
        if place < 0:
            raise ValueError(
                f"cell {number}, {string(number)}, is not in the table, which has "
                f"{len(self.cells)} of {COUNT}"
            )
        return place

    def row(self, cell: Any) -> int:
        """Return the row of ``curves`` of a cell, or of the cell trained in its place.

        Raises:
            ValueError: the table does not have the cell.
        """
        return int(self._row.item(self._place_of(cell)))


COLUMNS = ("cells", "trained", "parameters", "multiply_adds")
"""The attributes of a table with one value per cell."""
