from __future__ import annotations

import gzip
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest

from kit import discovery, task
from kit.data.prepared import open_prepared
from kit.data.preparing import prepare
from kit.errors import DataError

TASK = task.find("sequential-mnist")


def module(name: str) -> ModuleType:
    return discovery.load("tasks", TASK.folder, name)


def test_synthetic_images_go_through_the_raw_format() -> None:
    prepare(TASK, "synthetic", "paper")
    prepared = open_prepared(TASK, "synthetic", "paper")
    assert {name: len(prepared.fold(name)) for name in ("train", "val", "test")} == {
        "train": 400,
        "val": 100,
        "test": 200,
    }
    x, y = prepared.array("x"), prepared.array("y")
    assert x.shape == (700, 1, 784)
    assert x.dtype == np.uint8
    rows = x.reshape(700, 28, 28).mean(axis=2).argmax(axis=1)
    assert (abs(rows - (2 * y + 4.5)) < 1).all(), "the bright row tells the label"


def test_idx_round_trip(tmp_path: Path) -> None:
    idx, values = module("idx"), np.arange(24, dtype=np.uint8).reshape(2, 3, 4)
    idx.write(tmp_path / "a.gz", values)
    assert np.array_equal(idx.read(tmp_path / "a.gz", 3), values)


@pytest.mark.parametrize(
    ("damage", "words"),
    [
        (lambda whole: whole[:-5], "not a whole gzip file"),
        (lambda whole: b"<html>", "not a whole gzip file"),
        (lambda whole: gzip.compress(b"\0\0\x0d\x03" + b"\0" * 30), "no idx file"),
        (lambda whole: gzip.compress(gzip.decompress(whole)[:-1]), "23 bytes instead of 24"),
        (lambda whole: gzip.compress(b"\0\0\x08\x01\0\0\0\x01\0"), "1 axes instead of 3"),
    ],
)
def test_damaged_files_are_told(
    tmp_path: Path, damage: Callable[[bytes], bytes], words: str
) -> None:
    idx, file = module("idx"), tmp_path / "train-images-idx3-ubyte.gz"
    idx.write(file, np.zeros((2, 3, 4), np.uint8))
    file.write_bytes(damage(file.read_bytes()))
    with pytest.raises(DataError, match=words):
        idx.read(file, 3)


def test_contradicting_files_are_told(tmp_path: Path) -> None:
    idx, pair = module("idx"), module("prepare")._pair
    images, labels = (
        tmp_path / "train-images-idx3-ubyte.gz",
        tmp_path / "train-labels-idx1-ubyte.gz",
    )
    idx.write(images, np.zeros((2, 28, 28), np.uint8))
    for wrong, words in (
        (np.zeros(3, np.uint8), "2 images, 3 labels"),
        (np.full(2, 10, np.uint8), "label 10 is not in 0..9"),
    ):
        idx.write(labels, wrong)
        with pytest.raises(DataError, match=words):
            pair(tmp_path, "train")
    idx.write(images, np.zeros((2, 27, 28), np.uint8))
    with pytest.raises(DataError, match="not \\(28, 28\\)"):
        pair(tmp_path, "train")
