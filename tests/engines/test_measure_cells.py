"""What ``kit bench cells`` makes of seconds; that it trains what it says."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kit import method, task
from kit.engines import measure_cells
from kit.engines.execute import ExecuteOptions
from kit.spec import RunSpec


def test_rows_are_medians_and_the_ratio_is_to_the_faster_single_process(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def run(spec: RunSpec, options: ExecuteOptions) -> tuple[float, float]:
        assert spec.settings["subset"] == 12
        slower = {1: 1.0, 2: 1.5}[options.threads or 0]
        if options.trials_on is not None:
            slower = 0.6
        return 2.25 * slower, 2 * slower

    seen: list[tuple[int, int]] = []
    monkeypatch.setattr(measure_cells, "_run", run)
    rows = measure_cells.measure(
        "darcy-flow",
        "smoke",
        "regenerated",
        processes=2,
        cells=12,
        rounds=2,
        progress=lambda done, of: seen.append((done, of)),
    )
    found = {row["case"]: (row["value"], row["target"]) for row in rows}
    assert found == {
        "seconds of a cell, one process, one thread": (pytest.approx(2.25), None),
        "seconds of a cell, one process, 2 threads": (pytest.approx(2.25 * 1.5), None),
        "seconds of a cell, 2 processes": (pytest.approx(2.25 * 0.6), None),
        "cells a second, 2 processes to one": (pytest.approx(1 / 0.6), 1.3),
        "kit's part of a cell": (pytest.approx(0.25 * 1.25), 0.05),
    }
    assert seen == [(done, 6) for done in range(6)]


def test_a_run_is_timed_elsewhere_up_to_its_cells(darcy: Path) -> None:
    spec = measure_cells._spec(
        method.find("nas-bench-201"), task.find("darcy-flow"), "smoke", "regenerated", 4
    )
    before = os.environ["KIT_RESULTS"]
    seconds, trained = measure_cells._run(spec, ExecuteOptions(device="cpu", threads=1))
    assert 0 < trained < seconds
    assert os.environ["KIT_RESULTS"] == before
    assert not Path(before).exists()
