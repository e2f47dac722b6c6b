from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest

from kit import task
from kit.bench.data import measure
from kit.data.folds import Fold
from kit.data.loading import Batch
from tests.conftest import Run


@pytest.mark.usefixtures("darcy")
def test_loading_beside_a_step(kit: Run) -> None:
    words = ("bench", "data", "--task", "darcy-flow", "--profile", "smoke", "--rounds", "1")
    (row,) = json.loads(kit(*words, "--format", "json").stdout)
    assert (row["task"], row["tier"], row["batch_size"]) == ("darcy-flow", "regenerated", 8)
    loading, step = row["loading_seconds"], row["step_seconds"]
    assert row["share"] == pytest.approx(loading / (loading + step))
    assert row["samples_per_second"] == pytest.approx(8 / loading)
    text = kit(*words).stdout.splitlines()
    assert text[0].split()[0] == "task"
    assert text[1].split()[:2] == ["darcy-flow", "regenerated"]


@pytest.mark.usefixtures("darcy")
def test_what_is_slow_to_load_shows(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = Fold.shuffled

    def slow(self: Fold, *how: Any, **more: Any) -> Iterator[Batch]:
        for batch in whole(self, *how, **more):
            time.sleep(0.5)
            yield batch

    found = task.find("darcy-flow")
    before = measure(found, "smoke", "regenerated", rounds=1)
    monkeypatch.setattr(Fold, "shuffled", slow)
    after = measure(found, "smoke", "regenerated", rounds=1)
    assert after["loading_seconds"] >= 0.5
    assert after["share"] > before["share"]


def test_nothing_prepared_is_told(kit: Run) -> None:
    done = kit("bench", "data", "--profile", "lite")
    assert done.returncode == 2
    assert "kit data list" in done.stderr
