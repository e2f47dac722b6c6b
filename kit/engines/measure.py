"""What the kit's own work costs: per run, for a plan, for ``kit status``, by the order of runs."""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from math import exp
from typing import Any

import msgspec

from kit import method, papers, paths, plan, task
from kit.engines.engine import Engine, SweepOptions
from kit.engines.jobs import Job, RetryPolicy
from kit.engines.local import Local
from kit.engines.queue import Queue
from kit.engines.schedule import lower_bound, makespan, mean_of_kind
from kit.engines.slots import Cpu
from kit.plan.request import PlanRequest
from kit.runs.folder import RunFolder, now
from kit.runs.records import Attempt, Status
from kit.runs.states import read_states
from kit.spec import SEEDS, RunSpec

NOTHING = ["true"]
GPUS = (1, 2, 4, 8)
DRAWS = 1000
# What the spread of run times around their estimates is taken to be, as a logarithm.
SPREAD = 0.4


class IdleProcesses(Local):
    """The local engine with a program that does nothing in place of ``kit run``."""

    def _command(self, spec: RunSpec) -> list[str]:
        return NOTHING


def measure(progress: Callable[[int, int], None]) -> list[dict[str, Any]]:
    """Measure all of it, below a temporary folder; each row has a value and the target."""
    parts = (_processes, _containers, _plan, _states, _makespans)
    rows: list[dict[str, Any]] = []
    for done, part in enumerate(parts):
        progress(done, len(parts))
        with elsewhere():
            rows += part()
    return rows


def row(case: str, value: float, unit: str, target: float | None = None) -> dict[str, Any]:
    """Return a measurement as a row, with what is wanted of it, if anything."""
    return {"case": case, "value": value, "unit": unit, "target": target}


def _processes(runs: int = 40) -> list[dict[str, Any]]:
    def alone(_: RunSpec) -> None:
        subprocess.run(NOTHING, check=True, start_new_session=True)

    return [_overhead("process", IdleProcesses(SweepOptions()), list(_specs(runs)), alone)]


def _containers(runs: int = 10) -> list[dict[str, Any]]:
    """Measure containers; no rows where there is no Docker engine, or no task's image."""
    try:
        from kit.containers.client import connect
        from kit.engines import docker
    except ModuleNotFoundError:
        return []
    options = SweepOptions(allow_unpinned=True)
    names = (name for name in task.names() if papers.hours(name, "wrn") is not None)
    built = [name for name in names if not docker.unusable([*_specs(1, name)], options)]
    if not built:
        return []

    class IdleContainers(docker.Docker):
        def _container(self, spec: RunSpec, gpus: tuple[str, ...]) -> dict[str, Any]:
            return super()._container(spec, gpus) | {"entrypoint": NOTHING, "command": []}

    def alone(spec: RunSpec) -> None:
        RunFolder(spec).path.mkdir(parents=True)
        container = engine.client.containers.create(**engine._container(spec, ()))
        container.start()
        container.wait()
        container.remove()

    engine = IdleContainers(connect(), options)
    paths.data().mkdir(parents=True, exist_ok=True)
    return [_overhead("container", engine, list(_specs(runs, built[0])), alone)]


def _overhead(
    what: str, engine: Engine, specs: Sequence[RunSpec], alone: Callable[[RunSpec], None]
) -> dict[str, Any]:
    """Time runs through the queue and by themselves, in turn; return the difference of medians."""
    own, whole = [], []
    for spec in specs:
        began = time.perf_counter()
        alone(spec)
        own.append(time.perf_counter() - began)
        began = time.perf_counter()
        # It leaves no result, which is a failure; that costs as much as a success.
        Queue([Job(spec)], engine, Cpu(1), RetryPolicy(retries=0)).run()
        whole.append(time.perf_counter() - began)
    seconds = statistics.median(whole) - statistics.median(own)
    return row(f"kit's part of one {what}", seconds, "s", 0.1)


def _plan(runs: int = 10_000) -> list[dict[str, Any]]:
    def request(seeds: int) -> PlanRequest:
        return PlanRequest(
            "dash", 5, "paper", "released", seeds=tuple(range(seeds)), all_methods=True
        )

    cells = len(plan.make(request(1)).runs)
    began = time.perf_counter()
    made = plan.make(request(-(-runs // cells)))
    seconds = time.perf_counter() - began
    return [row(f"plan of {len(made.runs)} runs", seconds, "s", 2.0)]


def _states(runs: int = 1000) -> list[dict[str, Any]]:
    attempt = Attempt(
        engine="local", reference="", gpus=(), number=1, started=now(), ended=now(), code=0
    )
    status = Status(state="succeeded", heartbeat=now(), pid=1)
    for spec in _specs(runs):
        folder = RunFolder(spec)
        folder.path.mkdir(parents=True)
        for name, value in (("status", status), ("engine", attempt), ("result", {})):
            (folder.path / f"{name}.json").write_bytes(msgspec.json.encode(value))
    began = time.perf_counter()
    found = read_states()
    seconds = time.perf_counter() - began
    return [row(f"look at {len(found)} runs", seconds, "s", 0.5)]


def _makespans() -> list[dict[str, Any]]:
    """DASH's row of Table 6 over the bound that no order beats."""
    published = {name: papers.hours(name, "dash") for name in task.names()}
    runs = [(name, each) for name, each in published.items() if each is not None for _ in SEEDS]
    hours = [each for _, each in runs]
    draws, rows = random.Random(0), []
    for gpus in GPUS:
        bound = lower_bound(hours, gpus)
        noisy = sorted(makespan(hours, gpus, expected=_blur(runs, draws)) for _ in range(DRAWS))
        case = f"{len(hours)} runs on {gpus} GPUs, over the bound"
        far_off = {
            "median": statistics.median(noisy) / bound,
            "95%": noisy[int(0.95 * DRAWS)] / bound,
        }
        made = row(case, makespan(hours, gpus) / bound, "x", 1.05)
        rows.append(made | {"estimates_far_off": far_off})
    return rows


def _blur(runs: Sequence[tuple[str, float]], draws: random.Random) -> list[float]:
    """Return the hours that a queue would expect if each run's estimate had a random error."""
    off = [(name, hours * exp(draws.gauss(0, SPREAD))) for name, hours in runs]
    expected = mean_of_kind(off)
    return [expected[name] for name, _ in off]


def _specs(count: int, name: str | None = None) -> Iterator[RunSpec]:
    found = task.find(name or task.names()[0])
    for seed in range(count):
        yield method.find("wrn").spec(
            found, seed, protocol="released", profile="smoke", tier=found.tiers[-1]
        )


@contextmanager
def elsewhere() -> Iterator[None]:
    """Use a results folder that nobody else sees."""
    before = os.environ.get("KIT_RESULTS")
    with tempfile.TemporaryDirectory(prefix="kit-bench-") as folder:
        os.environ["KIT_RESULTS"] = folder
        try:
            yield
        finally:
            del os.environ["KIT_RESULTS"]
            if before is not None:
                os.environ["KIT_RESULTS"] = before
