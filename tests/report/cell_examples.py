"""Tables of NAS-Bench-201 whose errors are given, for tests of what reads them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from kit.methods.nas_bench_201.info import folder
from kit.report.cell_tables import CellData, simple
from kit.spaces.nas_bench_201 import Cell, Table, write
from kit.spaces.nas_bench_201.cell import COUNT, classes
from kit.spaces.nas_bench_201.table import Header


def made(
    task: str,
    errors: Mapping[int, float] | Sequence[float],
    *,
    seed: int = 777,
    epochs: int = 1,
    shared: bool = False,
    provenance: Mapping[str, str] | None = None,
) -> Table:
    """Return a table of cells by their errors; ``shared`` adds the others of their classes."""
    of = dict(errors) if isinstance(errors, Mapping) else dict(enumerate(errors))
    trained = np.array(sorted(of))
    cells = np.flatnonzero(np.isin(classes(), trained)) if shared else trained
    curve = np.repeat(1 - np.array([of[each] for each in trained.tolist()])[:, None], epochs, 1)
    curves = {
        f"{name}-{measure}": curve
        for name in ("train", "valtest")
        for measure in ("loss", "accuracy", "seconds")
    }
    points = np.array(classes())[cells] if shared else cells
    nothing = np.zeros(len(cells), np.int64)
    header = Header(task, epochs, seed, full=1.0, provenance=dict(provenance or {}))
    return Table(header, cells, points, nothing, nothing, curves)


def data(
    task: str, errors: Mapping[int, float] | Sequence[float], shared: bool = False
) -> CellData:
    return CellData(simple(task), (made(task, errors, shared=shared),))


def put(table: Table, name: str = "") -> None:
    """Lay a table where tables lie."""
    header = table.header
    write(table, folder() / f"{header.task}-{header.epochs}-{header.seed}{name}.parquet")


def everything(seed: int) -> list[float]:
    """Errors of all cells, drawn."""
    return np.random.default_rng(seed).random(COUNT).tolist()


def neighbourhood(number: int, seed: int = 0) -> dict[int, float]:
    """Errors of a cell and of all that differ on one edge."""
    cells = [Cell.of(number), *Cell.of(number).neighbours()]
    drawn = np.random.default_rng(seed).random(len(cells)).tolist()
    return {cell.index: error for cell, error in zip(cells, drawn, strict=True)}
