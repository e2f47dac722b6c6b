"""Cells of NAS-Bench-201 in one process and in several, and what the kit takes of each."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from kit import method, task
from kit.engines.execute import ExecuteOptions, execute
from kit.engines.measure import elsewhere
from kit.method import MethodInfo
from kit.methods.nas_bench_201.info import METHOD, SEED
from kit.runs import history
from kit.runs.folder import RunFolder
from kit.spec import Profile, RunSpec, Tier
from kit.task import Task

STAGE = "cells"
# Cells of a run that is taken off a longer one, since both have the same start.
FEW = 2


def measure(
    task_name: str,
    profile: Profile,
    tier: Tier,
    *,
    processes: int,
    cells: int,
    rounds: int,
    progress: Callable[[int, int], None],
) -> list[dict[str, Any]]:
    """Return rows with a value and a target: rates as ratios, and the kit's part of a cell.

    Each form trains few cells, then more; the difference is what the further cells took. Forms
    take turns, so that what disturbs the machine disturbs all alike.

    Args:
        task_name: whose data are ready.
        profile: of the cells.
        tier: of the data.
        processes: at a time, with a thread each.
        cells: of a run, more than 2.
        rounds: of all forms.
        progress: called with how many runs are done, and of how many.
    """
    forms = {
        "one process, one thread": ExecuteOptions(device="cpu", threads=1),
        f"one process, {processes} threads": ExecuteOptions(device="cpu", threads=processes),
        f"{processes} processes": ExecuteOptions(
            device="cpu", threads=1, trials_on=f"local:{processes}"
        ),
    }
    info, found = method.find(METHOD.name), task.find(task_name)
    seconds: dict[str, list[float]] = {name: [] for name in forms}
    own: list[float] = []
    _run(_spec(info, found, profile, tier, FEW), next(iter(forms.values())))  # whatever is imported
    for turn in range(rounds):
        for place, (name, options) in enumerate(forms.items()):
            progress(turn * len(forms) + place, rounds * len(forms))
            few = _run(_spec(info, found, profile, tier, FEW), options)
            many = _run(_spec(info, found, profile, tier, cells), options)
            seconds[name].append((many[0] - few[0]) / (cells - FEW))
            if options.trials_on is None:
                own.append((many[0] - many[1] - few[0] + few[1]) / (cells - FEW))
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    *alone, together = medians.values()
    return [
        *(_row(f"seconds of a cell, {name}", value, "s") for name, value in medians.items()),
        _row(f"cells a second, {processes} processes to one", min(alone) / together, "x", 1.3),
        _row("kit's part of a cell", statistics.median(own), "s", 0.05),
    ]


def _row(case: str, value: float, unit: str, target: float | None = None) -> dict[str, Any]:
    return {"case": case, "value": value, "unit": unit, "target": target}


def _spec(info: MethodInfo, found: Task, profile: Profile, tier: Tier, cells: int) -> RunSpec:
    overrides = (f"subset={cells}", "neighbours=false")
    return info.spec(
        found, SEED, protocol="released", profile=profile, tier=tier, overrides=overrides
    )


def _run(spec: RunSpec, options: ExecuteOptions) -> tuple[float, float]:
    """Return the seconds of a run's cells, and those that are training and evaluation."""
    with elsewhere():
        began = time.perf_counter()
        execute(spec, replace(options, until=STAGE))
        seconds = time.perf_counter() - began
        lines = history.read(RunFolder(spec).path)
    return seconds, sum(line["train-seconds"] + line["held-out-seconds"] for line in lines)
