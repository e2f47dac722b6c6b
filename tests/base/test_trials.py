"""Trials in one process: what is kept, what is not done twice."""

from __future__ import annotations

import json
import math
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest
import torch
from torch import nn

from kit.base.context import Context
from kit.base.halved_trials import halve
from kit.base.trial import Trial, train
from kit.errors import DivergedError
from kit.runs.folder import RunFolder
from kit.runs.trial_records import TrialRecord, TrialWork
from kit.trials.halving import Halving
from tests.engines.fake_run import spec_of

NOTHING: Any = None


class Trainer:
    """A ``run_trial`` that notes what it is asked for, and can be interrupted after an epoch."""

    def __init__(self, stop: int | None = None) -> None:
        self.stop = stop
        self.trained: list[tuple[int, int]] = []
        self.epochs: list[tuple[int, int]] = []

    def __call__(self, context: Context, trial: Trial) -> float | None:
        wanted = trial.configuration
        self.trained.append((trial.number, trial.epochs))
        if wanted.get("diverges"):
            raise DivergedError("the loss is nan")
        if wanted.get("diverges in an epoch"):
            trial.checkpointer.resume({})
            trial.checkpointer.end_epoch(0, trial.epochs, {}, loss=math.nan)
        if wanted.get("checkpoints"):
            network = nn.Linear(1, 1)
            for epoch in range(trial.checkpointer.resume({"network": network}), trial.epochs):
                self.epochs.append((trial.number, epoch))
                nn.init.constant_(network.weight, float(epoch))
                state = {"network": network}
                trial.checkpointer.end_epoch(epoch, trial.epochs, state, loss=1.0)
                if self.stop == epoch:
                    self.stop = None
                    raise KeyboardInterrupt
        value: float | None = wanted.get("value")
        return value


def context(trainer: Trainer, **more: Any) -> Context:
    spec = spec_of("darcy-flow", "dash", 0)
    data: Any = SimpleNamespace(device=torch.device("cpu"))
    return Context(spec, NOTHING, NOTHING, data, RunFolder(spec), run_trial=trainer, **more)


class Elsewhere:
    """Trains trials as soon as they are begun, as other processes do."""

    def __init__(self, trainer: Trainer) -> None:
        self.mine = context(trainer)

    def begin(self, job: TrialWork, keep: Callable[[TrialRecord], None]) -> None:
        keep(train(job, self.mine.folder, lambda trial: self.mine.run_trial(self.mine, trial)))

    def collect(self, here: object) -> None:
        raise AssertionError("all have ended")

    def release(self) -> None:
        pass


def test_one_that_diverges_in_another_process_loses_and_the_run_goes_on() -> None:
    trainer, told = Trainer(), list[tuple[Any, ...]]()
    mine = context(
        trainer, notify=lambda *each: told.append(each), remote_trials=Elsewhere(trainer)
    )
    results = mine.map_trials("tune", [{"value": 0.5}, {"diverges in an epoch": True}], epochs=2)
    assert results[0].score == 0.5
    assert math.isnan(results[1].score)
    assert math.isnan(told[1][3])  # its last loss is null in its history


def test_each_is_trained_once_and_short_ones_leave_lines_alone() -> None:
    trainer, told = Trainer(), list[tuple[Any, ...]]()
    mine = context(trainer, notify=lambda *each: told.append(each))
    wanted = [{"value": 0.5}, {"value": None}, {"value": 0.25, "diverges": True}]
    first = mine.map_trials("tune", wanted, epochs=2)
    assert [result.number for result in first] == [0, 1, 2]
    assert first[0].score == 0.5
    assert math.isnan(first[1].score)
    assert math.isnan(first[2].score)
    again = mine.map_trials("tune", wanted, epochs=2)
    assert trainer.trained == [(0, 2), (1, 2), (2, 2)]
    assert [result.seconds for result in again] == [result.seconds for result in first]
    assert [(stage, epoch, epochs) for stage, epoch, epochs, _ in told] == [
        ("tune", 2, 6),
        ("tune", 4, 6),
        ("tune", 6, 6),
    ]
    folder = mine.folder.path / "trials"
    assert [file.name for file in folder.iterdir()] == ["tune.jsonl"]
    lines = [json.loads(line) for line in (folder / "tune.jsonl").read_text().splitlines()]
    assert [line["configuration"] for line in lines] == wanted


def test_a_changed_configuration_is_not_taken_for_done() -> None:
    trainer = Trainer()
    mine = context(trainer)
    one = {"value": 0.5, "checkpoints": True}
    mine.map_trials("tune", [one, {"value": 0.5}], epochs=1)
    found = mine.map_trials("tune", [{**one, "value": 0.75}, {"value": 0.5}], epochs=1)
    assert [result.score for result in found] == [0.75, 0.5]
    assert trainer.trained == [(0, 1), (1, 1), (0, 1)]
    history = mine.folder.path / "trials/tune-000/history.jsonl"
    assert len(history.read_text().splitlines()) == 1


def test_a_checkpoint_of_another_configuration_does_not_count(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Interrupted before it had a record."""
    monkeypatch.setenv("KIT_CHECKPOINT_SECONDS", "0")
    trainer = Trainer(stop=2)
    mine = context(trainer)
    with pytest.raises(KeyboardInterrupt):
        mine.map_trials("tune", [{"checkpoints": True, "value": 1}], epochs=4)
    mine.map_trials("tune", [{"checkpoints": True, "value": 2}], epochs=4)
    assert [epoch for _, epoch in trainer.epochs] == [0, 1, 2, 0, 1, 2, 3]
    history = (mine.folder.path / "trials/tune-000/history.jsonl").read_text().splitlines()
    assert [json.loads(line)["epoch"] for line in history] == [0, 1, 2, 3]


def test_an_interrupted_trial_goes_on_from_its_checkpoint(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KIT_CHECKPOINT_SECONDS", "0")
    trainer = Trainer(stop=2)
    mine = context(trainer)
    wanted = [{"value": 1}, {"checkpoints": True, "value": 2}, {"value": 3}]
    with pytest.raises(KeyboardInterrupt):
        mine.map_trials("tune", wanted, epochs=4)
    found = mine.map_trials("tune", wanted, epochs=4)
    assert [result.score for result in found] == [1.0, 2.0, 3.0]
    assert [epoch for _, epoch in trainer.epochs] == [0, 1, 2, 3]
    assert trainer.trained == [(0, 4), (1, 4), (1, 4), (2, 4)]
    assert not list(mine.folder.path.rglob("*.pt"))


def test_groups_go_on_counting() -> None:
    trainer, told = Trainer(), list[int]()
    mine = context(trainer, notify=lambda stage, epoch, epochs, loss: told.append(epoch))
    mine.map_trials("tune", [{"value": 1}, {"value": 2}], epochs=3, of=4)
    found = mine.map_trials("tune", [{"value": 3}], epochs=3, first=2, of=4)
    assert [result.number for result in found] == [2]
    assert told == [3, 6, 9]


def test_halved_trials_are_scored_now_and_then_and_begin_no_epoch_twice() -> None:
    trainer = Trainer()
    mine = context(trainer)
    wanted = [{"checkpoints": True, "value": value} for value in (0.4, 0.1, 0.3, 0.2)]
    halving = Halving(trials=4, divisor=2, workers=1)
    found = halve(mine, "tune", wanted, halving, epochs=4, every=3)
    again = halve(mine, "tune", wanted, halving, epochs=4, every=3)
    assert again == found
    assert [[score.epochs for score in record.scores] for record in found] == [
        [1],
        [1, 2, 3, 4],
        [1],
        [1, 2],
    ]
    assert len(trainer.epochs) == len(set(trainer.epochs)) == 8
    folder = mine.folder.path / "trials"
    assert {file.name for file in folder.glob("*/*")} == {"history.jsonl"}


def test_a_stage_takes_the_seconds_of_all_its_trials() -> None:
    mine = context(Trainer())
    checkpointer = mine.checkpointer("tune", 1)
    mine.map_trials("tune", [{"value": 1}, {"value": 2}], epochs=1)
    file = mine.folder.path / "trials/tune.jsonl"
    lines = [json.loads(line) | {"seconds": 40.0} for line in file.read_text().splitlines()]
    file.write_text("".join(json.dumps(line) + "\n" for line in lines))
    mine.finish(checkpointer)
    assert mine.output("tune")["cost"]["active_seconds"] == 80.0


def test_a_method_without_trials_says_so() -> None:
    spec = spec_of("darcy-flow", "dash", 0)
    mine = Context(spec, NOTHING, NOTHING, NOTHING, RunFolder(spec))
    with pytest.raises(NotImplementedError, match="dash has no run_trial"):
        mine.map_trials("tune", [1], epochs=1)
