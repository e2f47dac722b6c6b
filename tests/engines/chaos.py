"""A sweep of made-up runs in a process of its own, to be killed at any moment.

``python -m tests.engines.chaos ENGINE UUID...`` runs what is missing of the 200 runs on those GPUs.
"""

from __future__ import annotations

import sys
from collections.abc import Callable

from kit.cli import sweep
from kit.engines.engine import Engine, SweepOptions
from kit.engines.jobs import Job, RetryPolicy, has_result
from kit.engines.local import Local
from kit.engines.slots import Gpus
from kit.runs.folder import RunFolder
from kit.spec import RunSpec
from tests.engines.fake_run import spec_of

TASKS = ("darcy-flow", "cifar-100", "spherical", "ninapro", "ecg")
METHODS = ("wrn", "dash")
SEEDS = range(20)


class FakeLocal(Local):
    """The local engine, with the stand-in for ``kit run``."""

    def _command(self, spec: RunSpec) -> list[str]:
        words = super()._command(spec)
        return [words[0], "-m", "tests.engines.fake_run", *words[3:]]


# An engine whose runs are made up, too, can be put through the same.
ENGINES: dict[str, Callable[[], Engine]] = {"local": lambda: FakeLocal(SweepOptions())}


def specs() -> list[RunSpec]:
    return [spec_of(task, method, seed) for task in TASKS for method in METHODS for seed in SEEDS]


def main(engine: str, *uuids: str) -> int:
    jobs = [Job(spec) for spec in specs() if not has_result(RunFolder(spec))]
    return bool(sweep.run(jobs, ENGINES[engine](), Gpus(uuids), RetryPolicy(pause=0.1)))


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
