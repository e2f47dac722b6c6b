from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

from kit.settings import Optimiser, Schedule, Validation
from kit.training import checkpointer as module
from kit.training.checkpointer import Checkpointer
from kit.training.loop import train
from kit.training.monitor import Monitor
from kit.training.optimisers import make_optimiser
from tests.specs import smoke_spec

SCORES = [5.0, 4.0, 4.5, 4.2, 4.1, 3.0, 3.5, 3.4, 3.3, 3.2]
PLATEAU = Schedule(kind="plateau", factor=0.5, patience=1, cooldown=1, floor=0.03)


class Killed(BaseException):
    """Stands for ``kill -9``."""


def trained(
    folder: Path,
    validation: Validation,
    schedule: Schedule = PLATEAU,
    kill_in: int | None = None,
) -> tuple[list[float], list[float]]:
    """Train one weight; return its value after the training, and the rates of all epochs run."""
    network = nn.Linear(1, 1, bias=False)
    nn.init.zeros_(network.weight)
    spec = smoke_spec("wrn", protocol="clean")
    checkpointer = Checkpointer("train", spec, folder, folder / "history.jsonl")
    settings = Optimiser(learning_rate=0.1, momentum=0.0, weight_decay=0.0)
    optimiser = make_optimiser([{"params": list(network.parameters())}], settings)
    rates: dict[int, float] = {}
    epoch_now = 0

    def batches(epoch: int) -> Iterator[int]:
        nonlocal epoch_now
        if epoch == kill_in:
            raise Killed
        epoch_now, rates[epoch] = epoch, optimiser.param_groups[0]["lr"]
        yield epoch

    train(
        checkpointer,
        network,
        optimiser,
        schedule,
        epochs=len(SCORES),
        batches=batches,
        # The gradient is 1: the weight is minus the sum of the rates so far.
        loss=lambda _: network.weight.sum(),
        monitor=Monitor(network, optimiser, schedule, validation, lambda: SCORES[epoch_now]),
    )
    return network.weight.flatten().tolist(), [rates[epoch] for epoch in sorted(rates)]


def test_rates_on_a_plateau_are_torchs(tmp_path: Path) -> None:
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], 0.1)
    peer = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimiser, factor=0.5, patience=1, cooldown=1, min_lr=0.03
    )
    expected = []
    for value in SCORES:
        expected.append(optimiser.param_groups[0]["lr"])
        peer.step(value)
    _, rates = trained(tmp_path, Validation(role="tune_val"))
    assert rates == expected
    assert set(rates) == {0.1, 0.05, 0.03}


def test_the_best_weights_are_kept_if_asked_for(tmp_path: Path) -> None:
    last, rates = trained(tmp_path / "last", Validation(role="tune_val"))
    best, _ = trained(tmp_path / "best", Validation(role="tune_val", keep="best"))
    assert last == pytest.approx([-sum(rates)])
    assert best == pytest.approx([-sum(rates[: SCORES.index(min(SCORES)) + 1])])


def test_it_ends_when_nothing_has_been_better_for_so_long(tmp_path: Path) -> None:
    plain = Schedule()
    _, rates = trained(tmp_path / "2", Validation(role="tune_val", patience=2), plain)
    assert len(rates) == 4
    _, rates = trained(tmp_path / "4", Validation(role="tune_val", patience=4), plain)
    assert len(rates) == 10


@pytest.mark.parametrize("patience", [0, 2])
def test_resumed_at_any_epoch_it_goes_on_as_it_would_have(
    patience: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SECONDS_BETWEEN_CHECKPOINTS", 0.0)
    validation = Validation(role="tune_val", keep="best", patience=patience)
    whole, rates = trained(tmp_path / "whole", validation)
    for epoch in range(1, len(rates)):
        with pytest.raises(Killed):
            trained(tmp_path / str(epoch), validation, kill_in=epoch)
        again, later = trained(tmp_path / str(epoch), validation)
        assert again == whole
        assert later == rates[epoch:]
