"""Folds by time, whatever it is written as, and what the card says of folds and answers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.data.new_task import read
from kit.data.own.reading import Ask, Stated
from kit.errors import KitError

X = np.random.default_rng(0).normal(size=(20, 6))


def by_time(folder: Path, words: list[str]) -> list[int]:
    np.savez(folder / "a.npz", x=X, y=np.arange(20) % 2, time=np.array(words))
    return read(folder / "a.npz", Ask(time="time")).split.tolist()


@pytest.mark.parametrize(
    "words",
    [
        [f"{1500 + 40 * row}-01" for row in range(20)],
        [str(row) for row in range(20)],
        [f"{row / 4:g}" for row in range(20)],
        [f"{row}e3" for row in range(20)],
        [f"2020-01-01T00:00:{row:02d}.123456789" for row in range(20)],
    ],
)
def test_the_latest_are_the_test(words: list[str], tmp_path: Path) -> None:
    assert by_time(tmp_path, words) == [0] * 12 + [1] * 4 + [2] * 4


@pytest.mark.filterwarnings("error")
def test_times_of_several_zones_are_ordered_by_what_they_are(tmp_path: Path) -> None:
    zones = [f"2020-01-02T{row // 2:02d}:{row % 2 * 30:02d}:00Z" for row in range(20)]
    assert by_time(tmp_path, zones) == [0] * 12 + [1] * 4 + [2] * 4
    east = [f"2020-01-02T{row + 2:02d}:00:00+0{row % 3}:00" for row in range(20)]
    hours = np.array([row + 2 - row % 3 for row in range(20)])
    found = np.array(by_time(tmp_path, east))
    assert hours[found == 0].max() < hours[found == 2].min()


@pytest.mark.parametrize("word", ["nan", "NaT", "soon"])
def test_what_is_no_time_is_told(word: str, tmp_path: Path) -> None:
    with pytest.raises(KitError, match=f"the time '{word}' is neither a number nor a date"):
        by_time(tmp_path, [word, *map(str, range(2001, 2020))])


@pytest.mark.parametrize("option", ["split", "group", "time"])
@pytest.mark.parametrize("suffix", ["csv", "npz"])
def test_an_option_goes_before_a_column_called_split(
    option: str, suffix: str, tmp_path: Path
) -> None:
    """The column is no input then, though it is of numbers."""
    values: dict[str, Any] = {
        "y": np.arange(20) % 2,
        "split": np.arange(20) % 3,
        "g": np.arange(20) * 5 % 3,
    }
    file = tmp_path / f"a.{suffix}"
    if suffix == "npz":
        np.savez(file, x=X, **values)
    else:
        columns = {"a": X[:, 0], "b": X[:, 1], **values}
        rows = np.stack(list(columns.values()), axis=1)
        np.savetxt(file, rows, "%g", ",", header=",".join(columns), comments="")
    assert read(file).split.tolist() == values["split"].tolist()
    own = read(file, Ask(**{option: "g"}))  # type: ignore[arg-type]
    assert own.split.tolist() != values["split"].tolist()
    assert own.x.shape[-1] == (6 if suffix == "npz" else 2)
    assert any("left out: " in line and "split" in line for line in own.card)


def test_two_ways_to_split_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X, y=np.arange(20) % 2, g=np.arange(20) % 5)
    with pytest.raises(KitError, match="--group and --time each say how to split; say one of them"):
        read(tmp_path / "a.npz", Ask(group="g", time="g"))


def test_several_numbers_are_not_stratified_and_not_said_to_be(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X, y=X[:, :2])
    assert "folds    12 train, 4 val, 4 test: drawn at random" in read(tmp_path / "a.npz").card


@pytest.mark.parametrize("fold", [1, 2])
@pytest.mark.parametrize("kind", ["regression", "dense"])
def test_numbers_that_never_change_in_a_fold_are_told(
    kind: Stated, fold: int, tmp_path: Path
) -> None:
    split = np.repeat([0, 1, 2], [12, 4, 4])
    y = np.stack([X, X * 2], axis=1) if kind == "dense" else X[:, :2].copy()
    y[split == fold, 1] = 2.5
    np.savez(tmp_path / "a.npz", x=X[:, None], y=y, split=split)
    which = "channel 1" if kind == "dense" else "'1'"
    name = ("train", "val", "test")[fold]
    told = [line for line in read(tmp_path / "a.npz", Ask(kind=kind)).card if "2.5 in" in line]
    assert told == [
        f"warning  {which} of y is 2.5 in all of {name}: 1 - R² is not defined there; take RMSE or "
        "MAE, or bring another split"
    ]


def test_numbers_that_never_change_in_training_are_refused(tmp_path: Path) -> None:
    split = np.repeat([0, 1, 2], [12, 4, 4])
    np.savez(tmp_path / "a.npz", x=X, y=np.where(split == 0, 2.5, X[:, 0]), split=split)
    with pytest.raises(KitError, match=r"split given: y is 2.5 in all of train: nothing to learn"):
        read(tmp_path / "a.npz")


def test_channels_per_position_are_counted_as_such(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X[:, None], y=np.stack([X, X], axis=1))
    assert "2 channels per position:" in read(tmp_path / "a.npz", Ask(kind="dense")).card[1]


def test_answers_that_never_change_are_named(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X[:, None], y=np.stack([X, X * 0 + 2], axis=1))
    card = read(tmp_path / "a.npz", Ask(kind="dense")).card
    assert "warning  channel 1 of y is 2 everywhere: nothing to learn" in card
    np.savez(tmp_path / "a.npz", x=X[:, None], y=X[:, None] * 0 + 2.5)
    card = read(tmp_path / "a.npz", Ask(kind="dense")).card
    assert "warning  y is 2.5 everywhere: nothing to learn" in card
    rows = "".join(f"{row},{row * row},{row / 7},3.5\n" for row in range(20))
    (tmp_path / "a.csv").write_text(f"a,b,y,z\n{rows}")
    with pytest.raises(KitError, match=r"'z' of y is 3\.5 for all samples: nothing to learn"):
        read(tmp_path / "a.csv", Ask(targets=("y", "z")))


def test_what_a_fold_lacks_of_a_label_is_said(tmp_path: Path) -> None:
    last = np.arange(20) == 19
    y = np.stack([~last, np.arange(20) % 2, last], axis=1).astype(int)
    np.savez(tmp_path / "a.npz", x=X, y=y, time=np.arange(20))
    card = read(tmp_path / "a.npz", Ask(kind="multi-label", time="time")).card
    assert "warning  train has no sample without label 0: it is not scored there" in card
    assert "warning  train lacks label 2: it is not scored there" in card


def test_words_for_folds_are_those_that_folders_may_have(tmp_path: Path) -> None:
    words = np.array(["Training", "training", "TRAIN", "Dev", "Test"] * 4)
    np.savez(tmp_path / "a.npz", x=X, y=np.arange(20) % 2, split=words)
    assert read(tmp_path / "a.npz").split.tolist() == [0, 0, 0, 1, 2] * 4
    np.savez(tmp_path / "a.npz", x=X, y=np.arange(20) % 2, split=np.char.replace(words, "Dev", "x"))
    with pytest.raises(KitError, match=r"split is not train, val or test .*; there is 'x'$"):
        read(tmp_path / "a.npz")
