from __future__ import annotations

import os
from pathlib import Path

import pytest
import torch

from kit import task
from kit.data import arrays, workers
from kit.data.folds import Fold, TaskData
from kit.data.loading import Batch
from kit.data.prepared import open_prepared
from kit.data.preparing import prepare
from kit.settings import DataConfig

CONFIG = DataConfig(roles={"final_fit": ("train",)})


@pytest.fixture(scope="module")
def clips(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A task whose training samples are drawn anew each time."""
    folder = tmp_path_factory.mktemp("clips")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("KIT_DATA", str(folder))
        prepare(task.find("fsd50k"), "synthetic", "smoke")
    return folder


def fold(role: str) -> Fold:
    found = task.find("fsd50k")
    prepared = open_prepared(found, "synthetic", "smoke")
    return TaskData(found, prepared, torch.device("cpu")).fold(role, CONFIG)


def same(one: list[Batch], other: list[Batch]) -> bool:
    pairs = zip(one, other, strict=True)
    return all(torch.equal(a.x, b.x) and torch.equal(a.y, b.y) for a, b in pairs)


@pytest.fixture
def large(clips: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing fits on the device, and no fold is made as a whole."""
    monkeypatch.setenv("KIT_DATA", str(clips))
    monkeypatch.setattr(arrays, "RESIDENT_BYTES", 0)
    monkeypatch.setattr("kit.data.folds.WHOLE_BYTES", 0)


@pytest.mark.usefixtures("large")
def test_evaluation_is_what_it_is_in_this_process(monkeypatch: pytest.MonkeyPatch) -> None:
    theirs = list(fold("test").batches(3))
    monkeypatch.setattr(arrays, "RESIDENT_BYTES", 1 << 30)
    here = fold("test")
    assert here.host is None
    assert same(theirs, list(here.batches(3)))
    assert len(theirs) == here.batch_count(3)


@pytest.mark.usefixtures("large")
def test_draws_depend_on_seed_and_epoch_not_on_the_count_of_workers(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    training = fold("final_fit")

    def epoch(number: int) -> list[Batch]:
        return list(training.shuffled(4, 0, "fit", number))

    monkeypatch.setattr(workers, "MOST", 1)
    alone = epoch(0)
    monkeypatch.setattr(workers, "MOST", 3)
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2})
    assert same(alone, epoch(0))
    assert not same(alone, epoch(1))
    assert len(list(training.shuffled(4, 0, "fit", 0, limit=2))) == 2


@pytest.mark.usefixtures("large")
def test_a_worker_leaves_this_process_its_own_draws() -> None:
    training = fold("final_fit")
    torch.manual_seed(1)
    alone = torch.rand(3)
    torch.manual_seed(1)
    list(training.shuffled(4, 0, "fit", 0))
    assert torch.equal(torch.rand(3), alone)


def test_an_epoch_draws_the_same_in_a_resumed_session(
    clips: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KIT_DATA", str(clips))

    def epoch(training: Fold, number: int) -> list[Batch]:
        torch.manual_seed(number)
        return list(training.shuffled(4, 0, "fit", number))

    undisturbed = fold("final_fit")
    assert undisturbed.host is None
    epoch(undisturbed, 0)
    assert same(epoch(undisturbed, 1), epoch(fold("final_fit"), 1))
