"""Small runs of every method, whose results are known: ``python -m tests.methods.fixed_runs``.

The command makes the known results anew (``fixed_runs.json``). It refuses where a result has moved
and neither the method's version nor the task's has; with ``--force``, for changes of what a smoke
run is, it does not.
"""

from __future__ import annotations

import json
import os
import platform
import sys
import tempfile
from pathlib import Path
from typing import Any

import torch

from kit import method, task
from kit.cli.preparing import prepare_task
from kit.engines.execute import ExecuteOptions, execute
from kit.runs import history
from kit.runs.folder import RunFolder
from kit.runs.inputs import closure
from kit.spec import Protocol

FILE = Path(__file__).with_suffix(".json")
COMMAND = "python -m tests.methods.fixed_runs"
# Fields in two dimensions and classes of series; the protocols differ in what they switch on.
TASKS: dict[str, Protocol] = {"darcy-flow": "released", "ecg": "clean"}
# On other processors, of methods that know no float64: at this rate rounding does not grow.
SLOWER = {"nas-bench-201": ("optimiser.learning_rate=0.001",)}


def cases() -> list[tuple[str, str]]:
    """Return all pairs of a task and a method that applies to it."""
    return [
        (of, name)
        for of in TASKS
        for name in method.names()
        if method.find(name).applies(task.find(of)) is None
    ]


def prepare_all() -> None:
    """Make the data, which nobody has to download."""
    for of in TASKS:
        prepare_task(task.find(of), "smoke", task.find(of).tiers[-1])


def is_double(name: str) -> bool:
    """Tell whether a method can be run in float64."""
    return "speed" in method.find(name).settings_type.__struct_fields__


def result_of(of: str, name: str, double: bool = False) -> dict[str, Any]:
    """Run a method on a task, on one thread, and return what must not move.

    Args:
        of: the task.
        name: of the method.
        double: in float64, if the method can be, else at a rate of ``SLOWER``.
    """
    found, info = task.find(of), method.find(name)
    precise = ("speed.precision=float64",) if is_double(name) else SLOWER.get(name, ())
    spec = info.spec(
        found,
        0,
        protocol=TASKS[of],
        profile="smoke",
        tier=found.tiers[-1],
        overrides=precise if double else (),
    )
    # Runs that it reads first; they are cases of their own, too.
    options = ExecuteOptions(device="cpu", threads=1)
    result = [execute(each, options) for each in closure(spec)][-1]
    assert result is not None
    losses: dict[str, float] = {}
    for line in history.read(RunFolder(spec).path):
        losses[line["stage"]] = line["loss"]
    return {
        "version": f"{info.version} on {found.version}",
        "architecture": result.architecture and result.architecture.value,
        "parameters": result.parameters,
        "error": result.metrics[found.metrics[0]].value,
        "last losses": losses,
    }


def machine() -> str:
    """Return what sums may depend on: the processor, its instructions, the version of torch."""
    told = Path("/proc/cpuinfo")
    lines = told.read_text().splitlines() if told.exists() else [platform.processor()]
    model = {line.rpartition(":")[2].strip() for line in lines if line.startswith("model")}
    instructions = torch.backends.cpu.get_cpu_capability()
    return f"{' '.join(sorted(model))}, {instructions}, torch {torch.__version__}"


def close(one: Any, other: Any, tolerance: float) -> bool:
    """Tell whether two results are the same but for the rounding of what is no whole number."""
    if isinstance(one, float) and isinstance(other, float):
        return abs(one - other) <= tolerance * max(abs(one), abs(other))
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(close(one[k], other[k], tolerance) for k in one)
    return bool(json.loads(json.dumps(one)) == json.loads(json.dumps(other)))


def main() -> None:
    """Write the results of all cases."""
    known = json.loads(FILE.read_text()) if FILE.exists() else {}
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"KIT_DATA": f"{folder}/data", "KIT_RESULTS": f"{folder}/results"}
        prepare_all()
        found = {
            kind: {f"{of} {name}": result_of(of, name, kind == "float64") for of, name in cases()}
            for kind in ("float32", "float64")
        }
    if known.get("machine") == machine() and sys.argv[1:] != ["--force"]:
        for case, now in found["float32"].items():
            before = known["float32"].get(case)
            if before and before["version"] == now["version"] and not close(before, now, 1e-6):
                sys.exit(
                    f"{case} has moved: raise the version of the method, in its info.py, first"
                )
    parts = [f'"machine": {json.dumps(machine())}']
    for kind, runs in found.items():
        lines = (f"{json.dumps(case)}: {json.dumps(now)}" for case, now in runs.items())
        parts.append(f'"{kind}": {{\n' + ",\n".join(lines) + "\n}")
    FILE.write_text("{" + ",\n".join(parts) + "}\n")


if __name__ == "__main__":
    main()
