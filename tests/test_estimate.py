"""Full runs without a GPU: refused by what they are estimated to take, not by their profile."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from kit import estimate, method, task
from kit.cli.checks import needs_gpu
from kit.data import preparing
from kit.data.new_task import create
from kit.errors import KitError
from kit.spec import RunSpec
from kit.task import Task

NUMBERS = itertools.count()


def own(folder: Path, monkeypatch: pytest.MonkeyPatch, count: int, side: int) -> Task:
    """An own task of so many images, prepared."""
    monkeypatch.setenv("KIT_TASKS", str(folder))
    images = np.random.default_rng(0).random((count, 1, side, side)).astype("f4")
    np.savez(folder / "own.npz", x=images, y=np.arange(count) % 3)
    name = f"of-{next(NUMBERS)}"
    create(name, folder / "own.npz", folder)
    preparing.prepare(task.find(name), "sample", "paper")
    return task.find(name)


def spec(the_task: Task, name: str) -> RunSpec:
    tier = the_task.tiers[0]
    return method.find(name).spec(the_task, 0, protocol="clean", profile="paper", tier=tier)


@pytest.mark.parametrize("name", ["dash", "wrn", "linear", "constant"])
def test_a_small_task_of_ones_own_runs_in_full(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    small = spec(own(tmp_path, monkeypatch, 120, 8), name)
    hours = estimate.cpu_hours([small])
    assert hours is not None
    assert hours < 1
    needs_gpu("paper", "cpu", False, specs=[small])


def test_a_large_one_is_refused_with_its_hours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    large = spec(own(tmp_path, monkeypatch, 600, 16), "dash")
    hours = estimate.cpu_hours([large])
    assert hours is not None
    assert hours > 4
    words = rf"takes about {hours:.0f} hours without a GPU.*profile lite"
    with pytest.raises(KitError, match=words):
        needs_gpu("paper", "cpu", False, specs=[large])
    needs_gpu("paper", "cpu", True, specs=[large])


def test_light_methods_take_no_gpu_at_any_size_and_the_papers_runs_do() -> None:
    for name in ("darcy-flow", "cifar-100", "deepsea"):
        needs_gpu("paper", "cpu", False, specs=[spec(task.find(name), "linear")])
        with pytest.raises(KitError, match=r"without a GPU, and none is used here"):
            needs_gpu("paper", "cpu", False, specs=[spec(task.find(name), "dash")])


def test_what_is_not_known_takes_days(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = own(tmp_path, monkeypatch, 60, 8)
    monkeypatch.setenv("KIT_DATA", str(tmp_path / "elsewhere"))
    assert estimate.cpu_hours([spec(found, "wrn")]) is None
    with pytest.raises(KitError, match="takes days without a GPU"):
        needs_gpu("paper", "cpu", False, specs=[spec(found, "wrn")])
