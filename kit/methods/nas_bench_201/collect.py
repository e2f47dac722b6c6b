"""The table of a run, from the histories of its cells."""

from __future__ import annotations

import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from kit.base.context import Context
from kit.base.trial import folder_of
from kit.methods.nas_bench_201.info import NasBench201Settings
from kit.runs.names import HISTORY
from kit.spaces.nas_bench_201.cell import CLASSES, COUNT, Cell, classes
from kit.spaces.nas_bench_201.costs import Counter
from kit.spaces.nas_bench_201.table import MEASURES, TRAIN, Header, Table

STAGE = "cells"
# Keys of the history, by those of the table's curves, where the two differ.
NAMES = {f"{TRAIN}-loss": "loss", f"{TRAIN}-accuracy": f"{TRAIN}-accuracy"}
SHARED = (
    "One cell of each class of isomorphic cells was trained, the others point to it: 2.4 times "
    "fewer hours than all cells take."
)


def table(context: Context, settings: NasBench201Settings, full: float) -> Table:
    """Return the table of a run whose cells are trained.

    Args:
        context: of the run.
        settings: tell which cells were trained.
        full: accuracy of a network that makes no mistake.
    """
    trained = settings.trained()
    shared = settings.train == "classes"
    cells = np.array(trained)
    points = cells
    if shared:
        cells = np.flatnonzero(np.isin(classes(), trained))
        points = np.array(classes())[cells]
    name = "valtest" if settings.scored == "test" else "valid"
    lines = [_lines(context.folder.path, number) for number in range(len(trained))]
    curves = {
        f"{each}-{measure}": np.array(
            [_curve(line, each == TRAIN, measure, settings.epochs) for line in lines]
        )
        for each in (TRAIN, name)
        for measure in MEASURES
    }
    counter = Counter(
        context.input_shape,
        context.task.outputs,
        dense=context.task.dense,
        channels=settings.channels,
        cells=settings.cells,
    )
    costs = [counter.of(Cell.of(each)) for each in cells]
    return Table(
        _header(context, settings, full),
        cells,
        points,
        np.array([each.parameters for each in costs]),
        np.array([each.multiply_adds for each in costs]),
        curves,
    )


def note(settings: NasBench201Settings) -> str:
    """Return what a reader of the table must know of its cells; merged parts have it once."""
    shared = settings.train == "classes"
    notes = [SHARED] if shared else []
    if settings.subset:
        of = f"{CLASSES} classes" if shared else f"{COUNT} cells"
        around = f": {settings.subset} drawn, and all one edge away" if settings.neighbours else ""
        notes.append(f"A fixed random subset, {len(settings.asked())} of the {of}{around}.")
    return " ".join(notes)


def _header(context: Context, settings: NasBench201Settings, full: float) -> Header:
    spec = context.spec
    provenance = {
        "run": spec.id,
        "profile": spec.profile,
        "protocol": spec.protocol,
        "tier": spec.tier,
        "task version": str(spec.task_version),
        "network": f"{settings.channels} channels, {settings.cells} cells a stage",
        "device": str(context.device.type),
    }
    return Header(spec.task, settings.epochs, spec.seed, full, note(settings), provenance)


def _lines(run: Path, number: int) -> list[dict[str, Any]]:
    file = folder_of(run, STAGE, number) / HISTORY
    return [msgspec.json.decode(line) for line in file.read_bytes().splitlines()]


def _curve(lines: list[dict[str, Any]], train: bool, measure: str, epochs: int) -> list[float]:
    """Return a measure by epoch; NaN from the epoch on at which the cell diverged."""
    key = f"{TRAIN if train else 'held-out'}-{measure}"
    values = [_value(line, NAMES.get(key, key)) for line in lines[:epochs]]
    return values + [math.nan] * (epochs - len(values))


def _value(line: Mapping[str, Any], key: str) -> float:
    value = line.get(key)
    return math.nan if value is None else float(value)
