"""The format of the archives of NAS-Bench-201, NATS-Bench and NAS-Bench-360. No torch.

An archive is one pickle, compressed by bzip2: ``{"meta_archs": strings, "arch2infos": {index:
{epochs: results}}, "evaluated_indexes": numbers}``. The functions here take its content; the caller
unpickles it with a reader that does not run code from the file.
"""

from __future__ import annotations

import bz2
import pickle
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from types import UnionType
from typing import Any

import numpy as np

from kit.files import replacing
from kit.spaces.nas_bench_201.cell import Cell, string, strings
from kit.spaces.nas_bench_201.costs import CELLS, CHANNELS
from kit.spaces.nas_bench_201.table import MEASURES, TRAIN, Header, Numbers, Table

MOST_EPOCHS = 10_000
"""Upper bound of the epochs of a training; the published trainings have at most 200."""
PLAIN_CIFAR = ("cifar10", "cifar10-valid")
"""Data sets whose archives name their sets otherwise; see ``set_names``."""
NAMES = {"loss": "losses", "accuracy": "acc1es", "seconds": "times"}
"""Measure of a table -> its name in an archive."""


def read(content: Any, source: str = "") -> list[Table]:
    """Return the tables in an archive: one for each data set, number of epochs and seed.

    Args:
        content: the unpickled object.
        source: where the archive is from, for the tables' provenance.

    Raises:
        ValueError: the archive has another format; the message names the cell.
    """
    cells: dict[int, Any] = {}
    infos = _part(content, "arch2infos", Mapping, "the archive")
    for number, info in infos.items():
        place = f"cell {number}"
        for results in _mapping(info, place).values():
            cells[Cell.of(_part(results, "arch_str", str, place)).index] = info
    return tables(cells, source)


def tables(cells: Mapping[int, Any], source: str = "") -> list[Table]:
    """Return the tables of cells: one for each data set, number of epochs and seed.

    Args:
        cells: number in the published order -> ``{epochs: results}`` as in an archive.
        source: where they are from, for the tables' provenance.

    Raises:
        ValueError: a cell has another format; the message names it.
    """
    rows: dict[tuple[str, int, int], dict[int, Any]] = defaultdict(dict)
    for number in sorted(cells):
        place = f"cell {number}"
        for results in _mapping(cells[number], place).values():
            for key, trial in _part(results, "all_results", Mapping, place).items():
                whole = type(key) is tuple and len(key) == 2
                if not (whole and isinstance(key[0], str) and isinstance(key[1], int | np.integer)):
                    raise ValueError(f"{place}: results of no data set and seed: {key!r:.60}")
                epochs = _part(trial, "epochs", int, place)
                if not 1 <= epochs <= MOST_EPOCHS:
                    raise ValueError(f"{place}: {epochs} epochs are none or too many")
                rows[key[0], epochs, int(key[1])][number] = trial
    if not rows:
        raise ValueError("the archive holds no results")
    return [_table(*key, trials, source) for key, trials in sorted(rows.items())]


def content(given: Sequence[Table]) -> dict[str, Any]:
    """Return the object to be pickled as an archive, which the package ``nats_bench`` reads.

    Args:
        given: tables of any tasks, numbers of epochs and seeds. A cell in whose place another was
            trained gets the curves of that one.
    """
    infos: dict[int, dict[str, Any]] = defaultdict(dict)
    for table in given:
        task, seed, hp = table.header.task, table.header.seed, str(table.header.epochs)
        for number in table.cells.tolist():
            results = infos[number].setdefault(
                hp,
                {
                    "arch_index": number,
                    "arch_str": string(number),
                    "all_results": {},
                    "dataset_seed": {},
                    "clear_net_done": True,
                },
            )
            results["all_results"][task, seed] = _trial(table, number)
            seeds = results["dataset_seed"].setdefault(task, [])
            results["dataset_seed"][task] = sorted({*seeds, seed})
    return {
        "meta_archs": list(strings()),
        "arch2infos": dict(sorted(infos.items())),
        "evaluated_indexes": sorted(infos),
    }


def write(given: Sequence[Table], file: Path) -> None:
    """Write tables to an archive, ``NAME.pickle.pbz2``; a failed write leaves no partial file."""
    archive = content(given)
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as stream, bz2.BZ2File(stream, "wb") as packed:
        pickle.dump(archive, packed, protocol=4)


def set_names(task: str) -> dict[str, str]:
    """Return the names of a task's evaluated sets: name in a table -> name in an archive."""
    if task in PLAIN_CIFAR:
        return {"valid": "x-valid", "test": "ori-test"}
    return {"valid": "x-valid", "test": "x-test", "valtest": "ori-test"}


def _trial(table: Table, number: int) -> dict[str, Any]:
    """Return the results of a cell's training as in an archive."""
    names, epochs = set_names(table.header.task), table.header.epochs
    row = table.row(number)
    curves = {
        name: None if np.isnan(values[row]).all() else values[row].tolist()
        for name, values in table.curves.items()
    }
    costs = table.costs(number)
    trial: dict[str, Any] = {
        "name": table.header.task,
        "net_state_dict": None,
        "train_acc5es": None,
        "arch_config": {
            "name": "infer.tiny",
            "channel": CHANNELS,
            "num_cells": CELLS,
            "arch_str": string(number),
            "class_num": None,
        },
        "params": costs.parameters / 1e6,
        "flop": costs.multiply_adds / 1e6,
        "seed": table.header.seed,
        "epochs": epochs,
        "latency": None,
        "eval_names": [names[each] for each in table.sets],
    }
    for measure, name in NAMES.items():
        values = curves[f"{TRAIN}-{measure}"]
        trial[f"train_{name}"] = None if values is None else dict(enumerate(values))
        trial[f"eval_{name}"] = {
            f"{names[each]}@{epoch}": value
            for each in table.sets
            for epoch, value in enumerate(curves[f"{each}-{measure}"] or ())
        }
    return trial


def _table(task: str, epochs: int, seed: int, trials: Mapping[int, Any], source: str) -> Table:
    """Return the table of trainings, given as cell -> results as in an archive."""
    names = set_names(task)
    known = {
        str(name)
        for number, trial in trials.items()
        for name in _part(trial, "eval_names", list | tuple, f"cell {number}")
    }
    sets = [each for each, name in names.items() if name in known]
    curves: dict[str, Numbers] = {
        f"{each}-{measure}": np.array(
            [
                _curve(trial, each, measure, epochs, names, number)
                for number, trial in trials.items()
            ]
        )
        for each in (TRAIN, *sets)
        for measure in MEASURES
    }
    cells = np.array([*trials], np.int64)
    millions = {
        name: [
            _number(trial.get(name), f"cell {number}: {name}") for number, trial in trials.items()
        ]
        for name in ("params", "flop")
    }
    counted = {name: np.rint(np.array(each) * 1e6) for name, each in millions.items()}
    header = Header(
        task,
        epochs,
        seed,
        full=_full(curves),
        provenance={"source": source} if source else {},
    )
    parameters, multiply_adds = (each.astype(np.int64) for each in counted.values())
    return Table(header, cells, cells, parameters, multiply_adds, curves)


def _full(curves: Mapping[str, Numbers]) -> float:
    """Return the accuracy without error: 1 if all accuracies are fractions, 100 for percent."""
    known = [each[~np.isnan(each)] for name, each in curves.items() if name.endswith("-accuracy")]
    return 1.0 if max((each.max() for each in known if each.size), default=100.0) <= 1 else 100.0


def _curve(
    trial: Any, each: str, measure: str, epochs: int, names: Mapping[str, str], number: int
) -> list[float]:
    """Return a measure of a set after each epoch; NaN where the archive has no value.

    Args:
        trial: results of one training as in an archive.
        each: ``train`` or one of a table's sets.
        measure: one of ``MEASURES``.
        epochs: number of epochs of the training.
        names: what ``set_names`` returns.
        number: number of the cell, for messages.
    """
    train = each == TRAIN
    recorded = trial.get(f"{'train' if train else 'eval'}_{NAMES[measure]}")
    keys: Iterable[Any] = range(epochs) if train else (f"{names[each]}@{n}" for n in range(epochs))
    if recorded is None:
        return [np.nan] * epochs
    place = f"cell {number}: {each}-{measure}"
    values = _mapping(recorded, place)
    return [_number(values.get(key, np.nan), place) for key in keys]


def _number(value: Any, place: str) -> float:
    """Return a value that is a number as a float, or raise ValueError."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise ValueError(f"{place} is no number: {value!r:.40}")
    return float(value)


def _mapping(value: Any, place: str) -> Mapping[Any, Any]:
    """Return a value that is a mapping, or raise ValueError."""
    if not isinstance(value, Mapping):
        raise ValueError(f"{place} is no dictionary but a {type(value).__name__}")
    return value


def _part(value: Any, name: str, kind: type[Any] | UnionType, place: str) -> Any:
    """Return the entry of a mapping, which must be of a type, or raise ValueError."""
    part = _mapping(value, place).get(name)
    if not isinstance(part, kind):
        raise ValueError(f"{place} has no {name!r} as the published archives have it")
    return part
