from __future__ import annotations

import json
import sys
import time
from itertools import pairwise
from pathlib import Path

import pytest

from kit import method, task
from kit.engines import local
from kit.runs.folder import RunFolder
from kit.spec import RunSpec

FAKE = """
import json, os, sys, time
begin = time.time()
time.sleep(0.3)
line = {"seed": sys.argv[1], "gpu": os.environ.get("CUDA_VISIBLE_DEVICES"),
        "begin": begin, "end": time.time()}
open(sys.argv[2], "a").write(json.dumps(line) + "\\n")
sys.exit(int(sys.argv[1]) == 3)
"""


def spec(seed: int) -> RunSpec:
    return method.find("wrn").spec(
        task.find("darcy-flow"), seed, protocol="clean", profile="smoke", tier="regenerated"
    )


@pytest.fixture
def journal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Fake runs that note when and with which GPU they ran; seed 3 fails."""
    file = tmp_path / "journal"
    monkeypatch.setattr(
        local, "command", lambda spec, _: [sys.executable, "-c", FAKE, str(spec.seed), str(file)]
    )
    return file


def test_no_gpu_ever_carries_two_runs_and_a_failure_stops_no_other(journal: Path) -> None:
    ended: list[int] = []
    specs = [spec(seed) for seed in range(8)]
    done = local.run_all(
        specs, slots=["GPU-a", "GPU-b", "GPU-c"], ended=lambda end: ended.append(end.spec.seed)
    )
    assert sorted(ended) == list(range(8))
    assert {end.spec.seed for end in done if end.code != 0} == {3}
    lines = [json.loads(line) for line in journal.read_text().splitlines()]
    for gpu in ("GPU-a", "GPU-b", "GPU-c"):
        spans = sorted((line["begin"], line["end"]) for line in lines if line["gpu"] == gpu)
        assert len(spans) >= 2
        assert all(end <= begin for (_, end), (begin, _) in pairwise(spans))
    engine = json.loads((RunFolder(specs[0]).path / "engine.json").read_text())
    assert (engine["engine"], engine["gpu"]) == ("local", "GPU-a")


def test_ctrl_c_stops_every_run(journal: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    monkeypatch.setattr(local, "command", lambda *_: sleeper)
    seen: list[local.Running] = []

    def watch(running: object) -> None:
        assert isinstance(running, list)
        seen.extend(running)
        raise KeyboardInterrupt

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        local.run_all([spec(0), spec(1)], slots=[None, None], watch=watch)
    assert time.monotonic() - began < 5
    assert len(seen) == 2
    assert all(each.process.poll() is not None for each in seen)
    assert not journal.exists()
