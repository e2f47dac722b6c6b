"""A sweep on a Ray cluster of several nodes with stand-in GPUs, disturbed in every way."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from ray.cluster_utils import Cluster

from kit.report import formats
from kit.report.table import make
from kit.runs.collect import collect
from kit.runs.folder import RunFolder
from tests.engines.nvml import FakeGpus
from tests.engines.ray.sweep import specs

RUNS = int(os.environ.get("KIT_CHAOS_RUNS", "24"))
SECONDS = 1.2
NODES, GPUS = 3, 2
ROOT = Path(__file__).parents[3]


class Nodes:
    """A cluster on this machine whose nodes have GPUs and locks of their own, and one disk."""

    def __init__(self, library: Path, folder: Path) -> None:
        self.library, self.folder, self.uuids = library, folder, list[str]()
        self.journal, self.hold = folder / "journal", folder / "hold"
        self.variables = {
            "PYTHONPATH": str(ROOT),
            "RAY_worker_niceness": "0",
            # The runs are made up, so that they have no image: nodes without a Docker engine.
            "DOCKER_HOST": f"unix://{folder}/none",
            "KIT_DATA": str(folder / "data"),
            "KIT_RESULTS": str(folder / "results"),
            "FAKE_RUN": self.plan(hold=str(self.hold)),
        }
        head = {"num_cpus": 0, "include_dashboard": False}
        self.cluster = Cluster(initialize_head=True, head_node_args=head)
        self.variables["RAY_ADDRESS"] = self.cluster.address
        self.nodes = [self.add() for _ in range(NODES)]

    def plan(self, **more: str) -> str:
        """Return what runs do."""
        return json.dumps({"seconds": SECONDS, "journal": str(self.journal)} | more)

    def add(self, **variables: str) -> Any:
        """Add a node; it has what the others have, and these variables."""
        environment = self.machine() | variables
        return self.cluster.add_node(num_cpus=1, num_gpus=GPUS, env_vars=environment)

    def machine(self) -> dict[str, str]:
        """Return the environment of a machine with GPUs that no other has."""
        number = len(self.uuids) // GPUS
        uuids = [f"GPU-{number}000000{n}-aaaa-bbbb-cccc-dddddddddddd" for n in range(GPUS)]
        fake = FakeGpus(self.library, self.folder / f"gpus{number}", uuids)
        fake.write()
        self.uuids += uuids
        locks = {"KIT_LOCKS": str(self.folder / f"locks{number}")}
        return self.variables | dict(fake.environment) | locks

    def sweep(self, *uuids: str, **variables: str) -> subprocess.Popen[bytes]:
        """Start a sweep on the cluster, or on GPUs of the machine with these variables."""
        words = [sys.executable, "-m", "tests.engines.ray.sweep", str(RUNS), *uuids]
        environment = os.environ | self.variables | variables
        self.said = self.folder / "said"
        with self.said.open("wb") as said:
            return subprocess.Popen(words, env=environment, stderr=said)

    def kit(self, *words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "kit", *words]
        environment = os.environ | self.variables
        return subprocess.run(command, env=environment, text=True, capture_output=True, check=False)

    def lines(self) -> list[dict[str, Any]]:
        """Return what the runs have noted."""
        text = self.journal.read_text() if self.journal.exists() else ""
        return [json.loads(line) for line in text.splitlines()]

    def until(
        self, count: float, sweep: subprocess.Popen[bytes], uuids: Sequence[str] = ()
    ) -> None:
        """Wait until so many runs have ended, on these GPUs or on any; the sweep is still at it."""
        ended = 0
        while ended < count:
            time.sleep(0.02)
            assert sweep.poll() is None, self.said.read_text()
            ends = (line["gpus"] for line in self.lines() if line["what"] == "end")
            ended = sum(not uuids or gpus[0] in uuids for gpus in ends)


@pytest.fixture(scope="module")
def nodes(nvml_library: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    patch = pytest.MonkeyPatch()
    patch.setenv("RAY_USAGE_STATS_ENABLED", "0")
    made = Nodes(nvml_library, tmp_path_factory.mktemp("ray"))
    yield made
    made.cluster.shutdown()
    patch.undo()


def test_a_sweep_survives_losses_and_a_change_of_engine(
    nodes: Nodes, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def undisturbed(name: str, *uuids: str, **variables: str) -> tuple[str, str]:
        nodes.variables["KIT_RESULTS"] = str(nodes.folder / name)
        began = time.monotonic()
        assert nodes.sweep(*uuids, **variables).wait() == 0, nodes.said.read_text()
        took, lines = time.monotonic() - began, nodes.lines()
        nodes.journal.rename(nodes.folder / f"journal of {name}")
        return table(nodes.folder / name), cost(name, took, lines)

    machine = big_machine(nodes)
    whole, local = undisturbed("local", *machine.uuids, **machine.environment)
    same, ray = undisturbed("ray")
    assert same == whole

    nodes.variables["KIT_RESULTS"] = str(nodes.folder / "disturbed")
    driver = nodes.sweep()
    nodes.until(1, driver)
    # There shall be work left when the new node joins, however long that takes.
    nodes.hold.touch()
    nodes.cluster.remove_node(nodes.nodes[0], allow_graceful=False)
    nodes.add(FAKE_RUN=nodes.plan())
    nodes.until(1, driver, nodes.uuids[-GPUS:])
    nodes.hold.unlink()
    driver.kill()
    driver.wait()
    other = nodes.sweep(*machine.uuids[:1], **machine.environment)
    nodes.until(2, other, machine.uuids)
    other.kill()
    other.wait()
    assert nodes.sweep().wait() == 0, nodes.said.read_text()

    lines = nodes.lines()
    monkeypatch.setenv("KIT_RESULTS", str(nodes.folder / "disturbed"))
    assert table(nodes.folder / "disturbed") == whole
    ends = Counter(line["run"] for line in lines if line["what"] == "end")
    assert max(ends.values()) == 1
    assert all(RunFolder(spec).result.exists() for spec in specs(RUNS))
    used = {uuid for line in lines for uuid in line["gpus"]}
    assert all(one_at_a_time(lines, uuid) for uuid in used)
    assert left(lines, nodes.folder / "disturbed") == []
    engines = Counter(attempt.engine for s in specs(RUNS) if (attempt := RunFolder(s).attempt()))
    assert set(engines) == {"local", "ray"}
    begins = Counter(line["run"] for line in lines if line["what"] == "begin")
    with capsys.disabled():
        print(
            f"\n{RUNS} runs on {NODES} Ray nodes of {GPUS} GPUs; a node killed, one added, the "
            f"driver killed, the local engine, killed, Ray again: each done once "
            f"({begins.total() - RUNS} begun again), no GPU shared, same table\n{local}\n{ray}"
        )


def big_machine(nodes: Nodes) -> Any:
    """Return one machine with as many GPUs as the cluster."""
    uuids = [f"GPU-9000000{n}-aaaa-bbbb-cccc-dddddddddddd" for n in range(NODES * GPUS)]
    fake = FakeGpus(nodes.library, nodes.folder / "gpus of one machine", uuids)
    fake.write()
    return fake


def cost(name: str, took: float, lines: Sequence[dict[str, Any]]) -> str:
    """Return how long a sweep took beside what its runs took alone."""
    signs = {"begin": -1, "end": 1}
    alone = sum(signs[line["what"]] * line["time"] for line in lines) / (NODES * GPUS)
    times = [line["time"] for line in lines]
    first_to_last = max(times) - min(times)
    each = (first_to_last - alone) * NODES * GPUS / RUNS
    return (
        f"{name}: {took:.1f} s in all, {first_to_last:.1f} s from the first begin to the last end; "
        f"at least {alone:.1f} s; {each:.2f} s per run beside it"
    )


def table(results: Path) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_RESULTS", str(results))
        return formats.render(make("dash", 5, collect().results), "text")


def one_at_a_time(lines: Sequence[dict[str, Any]], uuid: str) -> bool:
    """Tell whether on a GPU each run had ended or been stopped before the next one began."""
    on = sorted((line["time"], line["what"] == "begin") for line in lines if uuid in line["gpus"])
    return all(first[1] != second[1] for first, second in pairwise(on)) and not on[-1][1]


def left(lines: Sequence[dict[str, Any]], results: Path) -> list[str]:
    """Processes that are still there, and files that are no part of a result."""
    processes = [
        f"process {line['pid']}" for line in lines if Path(f"/proc/{line['pid']}").exists()
    ]
    names = ("*.lock", ".*.tmp", ".reserve", "sweeps/*", "nodes/*")
    return processes + [str(file) for name in names for file in results.rglob(name)]
