"""What the summary of one's own data says of channels and answers, and what it does not warn of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.data.new_task import read
from kit.data.own.reading import Ask, Reading

RANDOM = np.random.default_rng(0)
NOISE = RANDOM.normal(size=(20, 3, 8))
LABELS = np.arange(20) % 2


def card(folder: Path, x: Any, y: Any, ask: Ask | None = None) -> list[str]:
    np.savez(folder / "a.npz", x=x, y=y)
    return list(read(folder / "a.npz", ask or Ask()).card)


@pytest.mark.parametrize("missing", [None, "mean", "mask"])
def test_a_channel_far_from_0_is_lost_and_not_constant(tmp_path: Path, missing: Any) -> None:
    x = NOISE.copy()
    x[:, 1] = 1e9 + x[:, 1]
    x[:, 2] = 4.0
    if missing:
        x[::2, 0, 0] = x[::2, 1, 0] = np.nan
    told = card(tmp_path, x, LABELS, Ask(reading=Reading(layout="NCL", missing=missing)))
    assert "warning  channel 1 is so far from 0 that float32 loses it; shift it first" in told
    constant = [line for line in told if "constant" in line]
    count = 6 if missing == "mask" else 3
    assert constant == [f"warning  constant in train: channel 2 of {count}"]


@pytest.mark.parametrize("missing", [None, "mask"])
def test_a_channel_that_is_too_small_is_to_be_scaled(tmp_path: Path, missing: Any) -> None:
    x = NOISE.copy()
    x[:, 1] *= 1e-35
    x[:, 2] = 1e9 + x[:, 2]
    if missing:
        x[::2, 1, 0] = np.nan
    told = card(tmp_path, x, LABELS, Ask(reading=Reading(layout="NCL", missing=missing)))
    assert "warning  channel 1 is so small that float32 loses it; scale it first" in told
    assert "warning  channel 2 is so far from 0 that float32 loses it; shift it first" in told


def test_a_channel_that_differs_by_rounding_alone_is_constant(tmp_path: Path) -> None:
    x = NOISE.copy()
    x[:, 1] = 0.3
    x[::2, 1] = 0.1 + 0.2  # the next number
    told = card(tmp_path, x, LABELS, Ask(reading=Reading(layout="NCL")))
    assert "warning  constant in train: channel 1 of 3" in told
    assert not any("far from 0" in line for line in told)


def test_a_mask_without_gaps_is_no_constant_channel(tmp_path: Path) -> None:
    ask = Ask(reading=Reading(layout="NCL", missing="mask"))
    assert not any("constant" in line for line in card(tmp_path, NOISE, LABELS, ask))
    x, split = NOISE.copy(), np.array(["train", "val", "test", "train", "train"] * 4)
    x[2, 1, 0] = np.nan  # in test alone, so that its mask is news to what was trained
    np.savez(tmp_path / "a.npz", x=x, y=LABELS, split=split)
    told = read(tmp_path / "a.npz", ask).card
    assert "warning  constant in train: channel 4 of 6" in told


def test_each_of_several_numbers_has_its_range(tmp_path: Path) -> None:
    small, large = RANDOM.normal(size=20), 1e6 * np.arange(20.0)
    ask = Ask(kind="regression", reading=Reading(layout="NCL"))
    told = card(tmp_path, NOISE, np.stack([small, large], 1), ask)
    at = next(place for place, line in enumerate(told) if line.startswith("answers  2 numbers: "))
    assert told[at + 1] == (
        f"         0: {small.min():.4g} to {small.max():.4g}, mean {small.mean():.4g}"
    )
    assert told[at + 2] == "         1: 0 to 1.9e+07, mean 9.5e+06"
    assert told[at + 3].startswith("folds ")


def test_one_number_and_many_have_a_single_range(tmp_path: Path) -> None:
    ask = Ask(kind="regression", reading=Reading(layout="NCL"))
    for y in (NOISE[:, 0, 0], RANDOM.normal(size=(20, 11))):
        told = card(tmp_path, NOISE, y, ask)
        at = next(place for place, line in enumerate(told) if line.startswith("answers "))
        assert told[at + 1].startswith("folds ")


def test_fields_have_a_range_for_each_channel_and_may_be_lost(tmp_path: Path) -> None:
    y = np.stack([NOISE[:, 0], 1e9 + 100 * NOISE[:, 1]], 1)
    told = card(tmp_path, NOISE, y, Ask(kind="dense", reading=Reading(layout="NCL")))
    assert any(line.startswith("         channel 0: ") for line in told)
    assert any(line.startswith("         channel 1: 1e+09 to 1e+09") for line in told)
    assert "warning  y 1 is so far from 0 that float32 loses it; shift it first" in told


def test_numbers_that_are_too_small_are_to_be_scaled(tmp_path: Path) -> None:
    for scale in (1e-42, 1e-60):
        y = np.stack([NOISE[:, 0], scale * NOISE[:, 1]], 1)
        told = card(tmp_path, NOISE, y, Ask(kind="dense", reading=Reading(layout="NCL")))
        assert "warning  y 1 is so small that float32 loses it; scale it first" in told
