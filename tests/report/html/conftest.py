"""A report of few runs of many sorts, built once."""

from __future__ import annotations

from pathlib import Path

import pytest

from kit import paths
from kit.bench.step_times import Point, StepTimes, file_of
from kit.files import write_json
from kit.report.html import build
from kit.report.tables import sizes
from kit.runs.folder import RunFolder, now
from kit.runs.records import Status
from tests.made_runs import make_run

SHOWN = '</pre><script>alert("1")</script><img src=x onerror=alert(2)>&amp;\'"red'
HOSTILE = SHOWN.replace("red", "\x1b[31mred\x1b[0m\x07")


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of the report."""
    home = tmp_path_factory.mktemp("report home")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_RESULTS", str(home))
        patch.setattr(sizes, "counts", lambda wanted, *_: dict.fromkeys(wanted))
        for seed, value in enumerate((0.0079, 0.0081, 0.008)):
            make_run("darcy-flow", "dash", seed, value, profile="paper", tier="published")
        for seed, value in enumerate((60.0, 61.0, 62.0)):
            make_run("cifar-100", "dash", seed, value, profile="paper", tier="published")
        make_run("cifar-100", "wrn", 0, 23.4, profile="paper", tier="published")
        make_run("cifar-100", "wrn", 1, None, profile="paper", tier="published")
        make_run("ecg", "wrn", 0, 0.4, profile="smoke", tier="synthetic", log=HOSTILE)
        make_run("ecg", "dash", 0, 0.4, profile="lite", overrides=("search.epochs=1",), epochs=1)
        failed = make_run("psicov", "wrn", 0, 4.0, profile="lite")
        folder = RunFolder(failed.spec)
        folder.result.unlink()
        status = Status(
            state="failed", heartbeat=now(), pid=1, failure="method", message=f"bad {HOSTILE}"
        )
        write_json(folder.path / "status.json", status)
        broken = make_run("psicov", "dash", 0, 4.0, profile="lite")
        RunFolder(broken.spec).result.write_bytes(b'{"schema": 99}')
        times = [Point(variant="dense", x=c, method="auto", seconds=0.1 * c) for c in (1, 2)]
        measured = StepTimes(
            figure=2,
            profile="smoke",
            tier="synthetic",
            device="CPU",
            threads=1,
            torch="2.13.0",
            batch=4,
            steps=2,
            rounds=3,
            points=times,
        )
        write_json(file_of(2, "smoke"), measured)
        return build(paths.results() / "report").folder
