from __future__ import annotations

import json
from functools import partial

import pytest
import torch
from click.testing import CliRunner

from kit.bench import experts
from kit.cli.commands.bench import command
from kit.methods.expert.layers.spectral import SpectralConv2d


def test_rows_are_ratios_of_what_gives_the_same_answers() -> None:
    told: list[tuple[int, int]] = []
    rows = experts.measure(
        lambda *how: told.append(how), kernels=40, series=9, sides=(16, 19), maps=2, rounds=1
    )
    assert told == [(number, 5) for number in range(5)]
    assert [row["case"].split(",")[0] for row in rows] == [
        "ROCKET",
        *["Fourier layer forward", "Fourier layer and back"] * 2,
    ]
    for row in rows:
        assert row["ratio"] == pytest.approx(row["seconds"] / row["plain_seconds"])
        assert 0 <= row["difference"] < 1e-5
    assert rows[0]["difference"] < 1e-6


def test_answers_that_differ_show(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = experts.cut_transform

    def wrong(layer: SpectralConv2d, x: torch.Tensor) -> torch.Tensor:
        return 1.01 * whole(layer, x)

    monkeypatch.setattr(experts, "cut_transform", wrong)
    monkeypatch.setattr(experts, "kernel_by_kernel", lambda rocket, x: 1.01 * rocket(x))
    rows = experts.measure(kernels=9, series=2, sides=(16,), maps=1, rounds=1)
    assert all(row["difference"] > 5e-3 for row in rows)


def test_kernels_together_are_faster_than_one_by_one() -> None:
    """By far; the target is five times."""
    (row,) = experts.measure(kernels=500, series=64, sides=(), threads=1)
    assert row["ratio"] < 0.7


def test_the_command_prints_each_row_with_its_target(monkeypatch: pytest.MonkeyPatch) -> None:
    small = partial(experts.measure, kernels=20, series=4, sides=(16,), maps=1)
    monkeypatch.setattr(experts, "measure", small)
    told = CliRunner().invoke(command, ["experts", "--rounds", "1"]).stdout.splitlines()
    assert len(told) == 3
    assert all("(at most 1.2)" in line for line in told[1:])
    rows = json.loads(CliRunner().invoke(command, ["experts", "--format", "json"]).stdout)
    assert [row["target"] for row in rows] == [0.2, 1.2, 1.2]
