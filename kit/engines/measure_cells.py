"""Speed of training cells of NAS-Bench-201 in one process and in several; the kit's own part."""

from __future__ import annotations

import statistics
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import msgspec

from kit import method, task
from kit.engines.execute import ExecuteOptions, execute
from kit.engines.measure import elsewhere, row
from kit.method import MethodInfo
from kit.methods.nas_bench_201.info import METHOD, SEED
from kit.runs.folder import RunFolder
from kit.spec import Profile, RunSpec, Tier
from kit.task import Task

STAGE = "cells"


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

    The second half of a run's cells is timed, when all processes have started. Forms take turns, so
    that what disturbs the machine disturbs all alike.

    Args:
        task_name: whose data are ready.
        profile: of the cells.
        tier: of the data.
        processes: at a time, with a thread each.
        cells: of a run; a start of a process should take no more than half of them.
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
    spec = _spec(info, found, profile, tier, cells)
    for turn in range(rounds):
        for place, (name, options) in enumerate(forms.items()):
            progress(turn * len(forms) + place, rounds * len(forms))
            took, trained = _run(spec, options)
            seconds[name].append(took)
            if options.trials_on is None:
                own.append(took - trained)
    medians = {name: statistics.median(each) for name, each in seconds.items()}
    *alone, together = medians.values()
    return [
        *(row(f"seconds of a cell, {name}", value, "s") for name, value in medians.items()),
        row(f"cells a second, {processes} processes to one", min(alone) / together, "x", 1.3),
        row("kit's part of a cell", statistics.median(own), "s", 0.05),
    ]


def _spec(info: MethodInfo, found: Task, profile: Profile, tier: Tier, cells: int) -> RunSpec:
    overrides = (f"subset={cells}", "neighbours=false")
    return info.spec(
        found, SEED, protocol="released", profile=profile, tier=tier, overrides=overrides
    )


def _run(spec: RunSpec, options: ExecuteOptions) -> tuple[float, float]:
    """Return mean seconds per cell over a run's second half: all of it, and training alone.

    With several processes the first is less than the second, since cells are trained side by side.
    """
    with elsewhere():
        execute(spec, replace(options, until=STAGE))
        trials = RunFolder(spec).path / "trials"
        files = sorted(trials.glob("*/history.jsonl"), key=lambda file: file.stat().st_mtime_ns)
        ends = [file.stat().st_mtime_ns / 1e9 for file in files]
        late = len(files) // 2
        trained = sum(
            line["train-seconds"] + line["held-out-seconds"]
            for file in files[late:]
            for line in map(msgspec.json.decode, file.read_bytes().splitlines())
        )
    count = len(files) - late
    return (ends[-1] - ends[late - 1]) / count, trained / count
