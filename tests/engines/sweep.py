"""Queues of made-up runs on one results folder, for tests; and a process that has one."""

from __future__ import annotations

import json
import subprocess
import sys
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from kit.engines.engine import SweepOptions
from kit.engines.jobs import Ended, Job, RetryPolicy
from kit.engines.queue import Queue
from kit.spec import RunSpec
from tests.engines.chaos import FakeLocal
from tests.engines.fake_run import spec_of

QUICK = RetryPolicy(pause=0.05, grace=3.0)


def spec(seed: int) -> RunSpec:
    return spec_of("darcy-flow", "wrn", seed)


def jobs(count: int) -> list[Job]:
    return [Job(spec(seed), hours=float(count - seed)) for seed in range(count)]


class Sweep:
    """Queues on one results folder, and what their runs noted."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.journal, self.patch = folder / "journal", patch
        self.logged: list[str] = []
        self.plan()

    def plan(self, **plan: Any) -> None:
        self.patch.setenv("FAKE_RUN", json.dumps({"journal": str(self.journal), **plan}))

    def queue(self, jobs: Sequence[Job], slots: Any, **changes: Any) -> Queue:
        engine = changes.pop("engine", None) or FakeLocal(SweepOptions())
        options: dict[str, Any] = {"policy": QUICK, "log": self.logged.append} | changes
        return Queue(jobs, engine, slots, **options)

    def run(self, jobs: Sequence[Job], slots: Any, **changes: Any) -> dict[int, Ended]:
        return {end.spec.seed: end for end in self.queue(jobs, slots, **changes).run()}

    @property
    def lines(self) -> list[dict[str, Any]]:
        text = self.journal.read_text() if self.journal.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def begun(self) -> Counter[int]:
        return Counter(line["seed"] for line in self.lines if line["what"] == "begin")


SUPERVISOR = """
import sys
from tests.engines.chaos import FakeLocal
from tests.engines.sweep import jobs, QUICK
from kit.engines.engine import SweepOptions
from kit.engines.slots import Cpu
from kit.engines.queue import Queue
count, cores = int(sys.argv[1]), int(sys.argv[2]) or None
ends = Queue(jobs(count), FakeLocal(SweepOptions(cores=cores)), Cpu(2, cores), QUICK).run()
sys.exit(any(end.failure for end in ends))
"""


def supervisor(count: int, cores: int = 0) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-c", SUPERVISOR, str(count), str(cores)]
    return subprocess.Popen(words, stderr=subprocess.PIPE)
