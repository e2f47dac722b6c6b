"""A sweep of made-up runs, to be killed at any moment; its engine may change from one to the next.

``python -m tests.engines.ray.sweep RUNS`` runs what is missing of so many runs on a Ray cluster,
with ``UUID...`` behind it on these GPUs, as processes of this machine.
"""

from __future__ import annotations

import sys

from kit.cli import sweep
from kit.engines.engine import Engine, SweepOptions
from kit.engines.jobs import Job, RetryPolicy, has_result
from kit.engines.ray import cluster
from kit.engines.ray.engine import Ray
from kit.engines.slots import Gpus, Slots
from kit.runs.folder import RunFolder
from kit.spec import RunSpec
from tests.engines import chaos


class FakeRay(Ray):
    """The Ray engine, with made-up runs."""

    supervisor = ("-m", "tests.engines.ray.fake_supervisor")


def specs(count: int) -> list[RunSpec]:
    """Return so many of the runs, of every task some."""
    return chaos.specs()[:: len(chaos.specs()) // count][:count]


def main(runs: int, *uuids: str) -> int:
    wanted = [spec for spec in specs(runs) if not has_result(RunFolder(spec))]
    engine, slots = on_gpus(uuids) if uuids else on_cluster(wanted)
    return bool(sweep.run([Job(spec) for spec in wanted], engine, slots, RetryPolicy(pause=0.1)))


def on_gpus(uuids: tuple[str, ...]) -> tuple[Engine, Slots]:
    return chaos.FakeLocal(SweepOptions()), Gpus(uuids)


def on_cluster(wanted: list[RunSpec]) -> tuple[Engine, Slots]:
    cluster.join(None)
    engine = FakeRay(SweepOptions())
    return engine, engine.slots(wanted, None)


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1]), *sys.argv[2:]))
