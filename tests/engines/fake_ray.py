"""The Ray engine with the stand-in for ``kit run``, as a sweep and as the supervisor of a node.

``python -m tests.engines.fake_ray RUNS`` runs what is missing of so many runs on the cluster;
``python -m tests.engines.fake_ray OPTIONS`` is what its seats start.
"""

from __future__ import annotations

import sys

from kit.cli import sweep
from kit.engines import ray_nodes, supervise
from kit.engines.engine import Options
from kit.engines.jobs import Job, Rules, has_result
from kit.engines.ray import Ray
from kit.runs.folder import RunFolder
from kit.spec import RunSpec
from tests.engines import chaos


class FakeRay(Ray):
    """The Ray engine, with made-up runs."""

    supervisor = ("-m", "tests.engines.fake_ray")


def specs(count: int) -> list[RunSpec]:
    """Return so many of the runs, of every task some."""
    return chaos.specs()[:: len(chaos.specs()) // count][:count]


def main(runs: int) -> int:
    wanted = [spec for spec in specs(runs) if not has_result(RunFolder(spec))]
    ray_nodes.join(None)
    engine = FakeRay(Options())
    places = engine.places(wanted, None)
    return bool(sweep.run([Job(spec) for spec in wanted], engine, places, Rules(pause=0.1)))


if __name__ == "__main__":
    if sys.argv[1].isdigit():
        sys.exit(main(int(sys.argv[1])))
    supervise.main(chaos.FakeLocal)
