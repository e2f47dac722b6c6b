"""200 runs on 4 GPUs, their supervisor killed 20 times: each is done once, and nothing is left."""

from __future__ import annotations

import json
import os
import random
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from kit.engines import leases
from kit.files import write_json
from kit.report import formats
from kit.report.table import make
from kit.runs.collect import collect
from kit.runs.folder import RunFolder
from tests.engines import chaos
from tests.engines.fake_run import made_up
from tests.engines.nvml import FakeGpus

KILLS = 20
GPUS = 4


def supervisor(engine: str, fake: FakeGpus) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "tests.engines.chaos", engine, *fake.uuids]
    return subprocess.Popen(words, stderr=subprocess.DEVNULL)


@pytest.mark.parametrize("engine", list(chaos.ENGINES))
def test_a_sweep_survives_anything(
    engine: str,
    fake_gpus: Callable[..., FakeGpus],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    fake = fake_gpus(GPUS)
    journal = tmp_path / "journal"
    monkeypatch.setenv("FAKE_RUN", json.dumps({"seconds": 0.05, "journal": str(journal)}))

    monkeypatch.setenv("KIT_RESULTS", str(tmp_path / "undisturbed"))
    for spec in chaos.specs():
        with RunFolder(spec).opened():
            write_json(RunFolder(spec).result, made_up(spec, ()))
    whole = table()
    assert len(collect().results) == len(chaos.specs())

    disturbed, moments = time.monotonic(), random.Random(5)
    monkeypatch.setenv("KIT_RESULTS", str(tmp_path / "killed"))
    share = len(chaos.specs()) // KILLS
    for kill in range(KILLS):
        process = supervisor(engine, fake)
        # At any moment of its share of the work, from before its first step on.
        while ended(journal) < share * kill + moments.uniform(-share, share):
            time.sleep(0.01)
        time.sleep(moments.uniform(0.0, 0.3))
        assert process.poll() is None
        process.kill()
        process.wait()
    assert supervisor(engine, fake).wait() == 0
    disturbed = time.monotonic() - disturbed

    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    once = dict.fromkeys((str(spec.folder) for spec in chaos.specs()), 1)
    for what in ("begin", "end"):
        assert Counter(line["run"] for line in lines if line["what"] == what) == once
    assert all(one_at_a_time(lines, uuid) for uuid in fake.uuids)
    assert table() == whole
    assert left(lines, tmp_path / "killed") == []
    assert set(leases.free().uuids) == set(fake.uuids)
    with capsys.disabled():
        print(
            f"\n{engine}: {len(once)} runs on {GPUS} GPUs, supervisor killed {KILLS} times: "
            f"each done once, no GPU shared, no process, lock or temporary file left, same table "
            f"({len(whole)} bytes) as of the runs' numbers; {disturbed:.1f} s"
        )


def ended(journal: Path) -> int:
    return journal.read_text().count('"end"') if journal.exists() else 0


def table() -> str:
    return formats.render(make("dash", 5, collect().results), "text")


def one_at_a_time(lines: Sequence[dict[str, Any]], uuid: str) -> bool:
    """Tell whether on a GPU each run ended before the next one began."""
    on = sorted((line["time"], line["what"], line["pid"]) for line in lines if uuid in line["gpus"])
    pairs = list(zip(on[::2], on[1::2], strict=True))
    return bool(pairs) and all(
        (first[1], second[1]) == ("begin", "end") and first[2] == second[2]
        for first, second in pairs
    )


def left(lines: Sequence[dict[str, Any]], results: Path) -> list[str]:
    """Processes that are still there, and files that are no part of a result."""
    processes = [f"process {line['pid']}" for line in lines if alive(line["pid"])]
    names = ("*.lock", ".*.tmp", ".reserve", "sweeps/*")
    return processes + [str(file) for name in names for file in results.rglob(name)]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    return b"fake_run" in Path(f"/proc/{pid}/cmdline").read_bytes()
