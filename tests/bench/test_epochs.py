"""The search epochs of Table 8: measured, kept, and printed in the table."""

from __future__ import annotations

import json
from typing import Any

import pytest
import torch
from msgspec.structs import replace

from kit import method, task
from kit.bench import epoch_times, epochs
from kit.data import preparing
from kit.methods.dash.info import DashSettings
from tests.conftest import Run


@pytest.fixture
def measured(monkeypatch: pytest.MonkeyPatch) -> epoch_times.EpochTimes:
    """Two small epochs over a space of two candidates, which take a second, not a minute."""
    preparing.prepare(task.find(epochs.TASK), "synthetic", "smoke")
    real = epochs._opened

    def small(*words: Any) -> Any:
        settings, fold = real(*words)
        return replace(settings, kernel_sizes=(3,), dilations=(1, 2)), fold

    monkeypatch.setattr(epochs, "_opened", small)
    return epochs.measure("smoke", "synthetic")


def test_an_epoch_is_measured_in_three_ways_and_kept(measured: epoch_times.EpochTimes) -> None:
    pairs = [(each.method, each.strategy) for each in measured.epochs]
    ways = ["dash", "mixed-weights", "mixed-results"]
    assert pairs == [(name, way) for name in ("dash", "dash-convnext") for way in ways]
    assert all(each.seconds > 0 for each in measured.epochs)
    assert (measured.images, measured.side, measured.tier) == (2, 32, "synthetic")
    assert epoch_times.load() == measured
    assert epoch_times.load("paper") is None


def test_what_is_measured_next_has_its_threads_back(
    measured: epoch_times.EpochTimes, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch, "get_num_threads", lambda: 3)
    asked: list[int] = []
    monkeypatch.setattr(torch, "set_num_threads", asked.append)
    epochs.measure("smoke", "synthetic")
    assert asked == [1, 3]
    assert measured.threads == 1


def test_table_8_prints_it_and_says_what_it_is(measured: epoch_times.EpochTimes, kit: Run) -> None:
    done = kit("table", "8")
    assert done.returncode == 0, done.stderr
    assert "2 images of 32×32 (synthetic), batch 1, profile smoke; CPU" in done.stdout
    assert "151.3" in done.stdout
    table = json.loads(kit("table", "8", "--format", "json").stdout)
    text = json.dumps(table)
    for each in measured.epochs:
        assert str(each.seconds)[:6] in text


def test_the_searched_networks_at_full_size_are_the_papers() -> None:
    """3 M and 28 M parameters in Table 8: WRN-16-4 and ConvNeXt-T with 1,000 classes."""
    found = task.find(epochs.TASK)
    with torch.device("meta"):
        for name, millions in (("dash", 3), ("dash-convnext", 28.6)):
            settings = method.find(name).settings(found, "released", "paper", "published")
            assert isinstance(settings, DashSettings)
            module = epochs.build_backbone(settings, 224)
            parameters = sum(weight.numel() for weight in module.parameters()) / 1e6
            assert parameters == pytest.approx(millions, abs=0.05)
            assert settings.kernel_sizes == (3, 5, 7, 9, 11)
            assert settings.dilations == (1, 3, 7)


def test_reproduce_measures_the_table_that_needs_no_run(
    measured: epoch_times.EpochTimes, monkeypatch: pytest.MonkeyPatch
) -> None:
    from click.testing import CliRunner

    from kit.cli import cli

    again: list[Any] = []
    monkeypatch.setattr(epochs, "measure", lambda *words, **named: again.append(words))
    done = CliRunner().invoke(cli, ["reproduce", "--table", "8", "--profile", "smoke"])
    assert done.exit_code == 0, done.output
    assert again == [("smoke", "synthetic")]
    assert "images of 32×32" in done.output
