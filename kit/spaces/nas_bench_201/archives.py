"""The form of the archives of NAS-Bench-201, NATS-Bench and NAS-Bench-360. No torch.

An archive is one pickle, packed by bzip2: ``{"meta_archs": strings, "arch2infos": {index: {epochs:
results}}, "evaluated_indexes": numbers}``; what is read here has come through a reader that calls
nothing.
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
"""Of a training; the published ones have 200 at most."""
PLAIN_CIFAR = ("cifar10", "cifar10-valid")
NAMES = {"loss": "losses", "accuracy": "acc1es", "seconds": "times"}


def read(content: Any, source: str = "") -> list[Table]:
    """Return the tables in an archive: one for each data set, number of epochs and seed.

    Args:
        content: of the pickle.
        source: for the provenance.

    Raises:
        ValueError: it is of another form; one line with the cell.
    """
    cells: dict[int, Any] = {}
    infos = _part(content, "arch2infos", Mapping, "the archive")
    for number, info in infos.items():
        place = f"cell {number}"
        for results in _mapping(info, place).values():
            cells[Cell.of(_part(results, "arch_str", str, place)).index] = info
    return tables(cells, source)


def tables(cells: Mapping[int, Any], source: str = "") -> list[Table]:
    """Return the tables of cells given as ``{epochs: results}``, by their published number.

    Raises:
        ValueError: one is of another form; one line with the cell.
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
    """Return tables as an archive holds them: what the package ``nats_bench`` reads.

    Args:
        given: of any tasks, lengths and seeds; a cell that points to another has its curves.
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
    """Write an archive, ``NAME.pickle.pbz2``, whole or not at all."""
    found = content(given)
    file.parent.mkdir(parents=True, exist_ok=True)
    with replacing(file) as stream, bz2.BZ2File(stream, "wb") as packed:
        pickle.dump(found, packed, protocol=4)


def set_names(task: str) -> dict[str, str]:
    """Return how an archive names what a table's ``sets`` are, by the latter."""
    if task in PLAIN_CIFAR:
        return {"valid": "x-valid", "test": "ori-test"}
    return {"valid": "x-valid", "test": "x-test", "valtest": "ori-test"}


def _trial(table: Table, number: int) -> dict[str, Any]:
    """Return the training of a cell as an archive has it."""
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
    """Return the largest accuracy that there can be: some data sets' are fractions, not percent."""
    known = [each[~np.isnan(each)] for name, each in curves.items() if name.endswith("-accuracy")]
    return 1.0 if max((each.max() for each in known if each.size), default=100.0) <= 1 else 100.0


def _curve(
    trial: Any, each: str, measure: str, epochs: int, names: Mapping[str, str], number: int
) -> list[float]:
    """Return a measure by epoch; NaN where the archive has none."""
    train = each == TRAIN
    found = trial.get(f"{'train' if train else 'eval'}_{NAMES[measure]}")
    keys: Iterable[Any] = range(epochs) if train else (f"{names[each]}@{n}" for n in range(epochs))
    if found is None:
        return [np.nan] * epochs
    place = f"cell {number}: {each}-{measure}"
    values = _mapping(found, place)
    return [_number(values.get(key, np.nan), place) for key in keys]


def _number(value: Any, place: str) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float | np.number):
        raise ValueError(f"{place} is no number: {value!r:.40}")
    return float(value)


def _mapping(value: Any, place: str) -> Mapping[Any, Any]:
    if not isinstance(value, Mapping):
        raise ValueError(f"{place} is no dictionary but a {type(value).__name__}")
    return value


def _part(value: Any, name: str, kind: type[Any] | UnionType, place: str) -> Any:
    found = _mapping(value, place).get(name)
    if not isinstance(found, kind):
        raise ValueError(f"{place} has no {name!r} as the published archives have it")
    return found
