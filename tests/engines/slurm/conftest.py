"""A real Slurm with stand-in GPUs (.ci/slurm start), and submissions of made-up runs to it."""

from __future__ import annotations

import json
import os
import subprocess
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

import pytest

from kit import task
from kit.data.prepared import open_prepared
from kit.engines.slurm import client
from kit.errors import KitError
from tests.conftest import Run
from tests.engines.nvml import FakeGpus

NODES = ("node1", "node2", "node3")
TABLE = ("--table", "5", "--task", "darcy-flow", "--method", "wrn")
SMALL = (*TABLE, "--protocol", "clean", "--profile", "smoke")
# The node shows the GPUs of its own; runs are made up.
TEMPLATE = """\
{{% extends "plain.sh" %}}
{{% block site %}}
export KIT_FAKE_NVML={gpus}-$SLURMD_NODENAME
{{% endblock %}}
{{% block check %}}
        test ! -e {gpus}-$SLURMD_NODENAME-lacks || {{ echo "no image here"; exit 1; }}
{{% endblock %}}
{{% block start %}}
        exec {{{{ python | quote }}}} -m tests.engines.fake_run "$@"
{{% endblock %}}
"""


@dataclass
class Cluster:
    """What a test does with Slurm."""

    kit: Run
    folder: Path
    patch: pytest.MonkeyPatch
    plan: dict[str, Any]

    def set(self, **plan: Any) -> None:
        """Say what the made-up runs do."""
        self.patch.setenv("FAKE_RUN", json.dumps(self.plan | plan))

    def submit(self, count: int, *words: str) -> subprocess.CompletedProcess[str]:
        template = ("--template", str(self.folder / "template.sh"))
        return self.kit("submit", "--slurm", *SMALL, *seeds(count), *template, *words)

    @property
    def lines(self) -> list[dict[str, Any]]:
        """What the runs noted."""
        file = self.folder / "journal"
        text = file.read_text() if file.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def begun(self) -> list[int]:
        return [line["seed"] for line in self.lines if line["what"] == "begin"]

    def states(self) -> dict[int, str]:
        found = json.loads(self.kit("status", "--format", "json").stdout)
        return {run["seed"]: run["state"] for run in found["runs"]}

    def finish(self) -> None:
        """Wait until Slurm has nothing left."""
        until(lambda: not client.queued())


def seeds(count: int) -> list[str]:
    return [word for seed in range(count) for word in ("--seed", str(seed))]


def until(condition: Callable[[], object], seconds: float = 100) -> None:
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it took too long"
        time.sleep(0.1)


@pytest.fixture
def slurm() -> Iterator[None]:
    """The tests' own Slurm; where there is none the test is skipped, but in CI it fails."""
    if "KIT_SLURM" not in os.environ:
        _without("needs a Slurm of its own: '.ci/slurm start' makes one")
    try:
        client.nodes()
    except KitError as error:
        _without(str(error))
    yield
    left = client.queued()
    client.cancel({reference.partition("_")[0] for reference in left})
    for node in NODES:
        words = ["scontrol", "update", f"NodeName={node}", "State=RESUME"]
        subprocess.run(words, capture_output=True, check=False)
    until(lambda: {state for _, state, _ in client.nodes()} == {"idle"})
    assert left == {}


@pytest.fixture
def cluster(
    slurm: None,
    kit: Run,
    darcy: Path,
    fake_gpus: Callable[..., FakeGpus],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Cluster:
    fake = fake_gpus(2 * len(NODES))
    shown = fake.file.read_text().splitlines(keepends=True)
    for number, node in enumerate(NODES):
        mine = shown[2 * number : 2 * number + 2]
        fake.file.with_name(f"{fake.file.name}-{node}").write_text("".join(mine))
    (tmp_path / "template.sh").write_text(TEMPLATE.format(gpus=fake.file))
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[3]))
    data = open_prepared(task.find("darcy-flow"), "regenerated", "smoke").manifest.digest
    plan = {"journal": str(tmp_path / "journal"), "data": data, "seconds": 0.3}
    made = Cluster(kit, tmp_path, monkeypatch, plan)
    made.set()
    return made


def _without(reason: str) -> NoReturn:
    if os.environ.get("KIT_NEEDS_SLURM"):
        pytest.fail(reason)
    pytest.skip(reason)
