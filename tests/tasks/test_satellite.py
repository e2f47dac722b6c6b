from __future__ import annotations

from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from kit import discovery, task
from kit.data import preparing, taking
from kit.data.prepared import open_prepared
from kit.errors import DataError
from tests.tasks.samples import prepared_sample

FOLDER = "sits-formosat2"
COUNTS = {"train": 8, "val": 3, "test": 4}


def module(name: str) -> ModuleType:
    return discovery.load("tasks", task.find("satellite").folder, name)


def fields(count: int) -> dict[str, Any]:
    random = np.random.default_rng(count)
    label = 1 + random.integers(0, 24, count)
    return {"data": random.normal(size=(count, 46)), "label": label}


def save(file: Path, content: Any) -> Path:
    np.save(file, content)
    return file


def test_published_files_become_folds_by_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module("prepare"), "COUNT", COUNTS)
    satellite, train, test = task.find("satellite"), fields(11), fields(4)
    taking.import_files(
        satellite,
        [
            save(tmp_path / "satellite_train.npy", train),
            save(tmp_path / "satellite_test.npy", test),
        ],
    )
    preparing.prepare(satellite, "published", "paper")
    data = open_prepared(satellite, "published", "paper")
    x, y = data.array("x"), data.array("y")
    assert x.dtype == np.float32
    assert np.array_equal(x[data.fold("test"), 0], test["data"].astype(np.float32))
    assert np.array_equal(y[data.fold("val")], train["label"][8:] - 1)
    assert data.fold("train").tolist() == list(range(8))


def test_wrong_files_are_told_by_file_and_field(tmp_path: Path) -> None:
    file, good = tmp_path / "satellite_test.npy", fields(4)
    wrong: list[tuple[Any, str]] = [
        ({"data": good["data"]}, "there is no field 'label'"),
        (np.zeros(3), "not a dictionary"),
        (good | {"data": good["data"][:, :45]}, r"data is float64 \(4, 45\)"),
        (good | {"data": good["data"][:3]}, r"data is .* not numbers \(4, 46\)"),
        (good | {"data": good["data"].astype(str)}, "data is <U"),
        (good | {"label": good["label"][:3]}, r"label is int64 \(3,\)"),
        (good | {"label": np.array([1, 2, 3, 25])}, r"label holds values outside 1\.\.24"),
        (good | {"label": np.array([0, 1, 2, 3])}, r"label holds values outside 1\.\.24"),
        (good | {"data": np.full((4, 46), np.nan)}, "data holds values that are not finite"),
    ]
    for content, message in wrong:
        with pytest.raises(DataError, match=rf"satellite_test\.npy: {message}"):
            module("raw").read(save(file, content), 4)


def test_truncated_file(tmp_path: Path) -> None:
    file = save(tmp_path / "satellite_test.npy", fields(4))
    file.write_bytes(file.read_bytes()[:-300])
    with pytest.raises(DataError, match=r"satellite_test\.npy"):
        module("raw").read(file, 4)


def test_synthetic_series_have_classes_that_can_be_told_apart() -> None:
    satellite = task.find("satellite")
    preparing.prepare(satellite, "synthetic", "paper")
    data = open_prepared(satellite, "synthetic", "paper")
    x, y = np.asarray(data.array("x"))[:, 0], data.array("y")
    assert set(y.tolist()) == set(range(24))
    x = (x - x.mean(axis=1, keepdims=True)) / x.std(axis=1, keepdims=True)
    train, test = data.fold("train"), data.fold("test")
    centres = np.stack([x[train][y[train] == label].mean(axis=0) for label in range(24)])
    nearest = ((x[test][:, None] - centres) ** 2).sum(axis=-1).argmin(axis=1)
    assert (nearest == y[test]).mean() > 0.5
    preparing.prepare(satellite, "synthetic", "smoke")
    part = open_prepared(satellite, "synthetic", "smoke")
    assert part.folder.name == "synthetic", "the whole tier is used where it is there"


def write_table(file: Path, count: int = 26) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(0)
    table = random.uniform(10, 200, (count, 2 + 3 * 149))
    table[:, 0] = np.arange(count) // 2
    table[:, 1] = np.arange(count) // 2
    np.savetxt(file, table, delimiter=",", fmt="%.4f")
    return np.loadtxt(file, delimiter=",")


def test_formosat_tables_keep_polygons_together(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir()
    train, test = write_table(folder / "train.csv"), write_table(folder / "test.csv")
    satellite = task.find("satellite")
    taking.import_files(satellite, [folder])
    preparing.prepare(satellite, "sample", "lite")
    data = open_prepared(satellite, "sample", "lite")
    index = (test[:, 2::3] - test[:, 3::3]) / (test[:, 2::3] + test[:, 3::3])
    assert np.allclose(data.array("x")[-26:, 0], index[:, ::3][:, :46])
    polygons = np.tile(train[:, 1], 14)
    assert not set(polygons[data.fold("train")]) & set(polygons[data.fold("val")])
    assert sorted(data.fold("test")) == list(range(14 * 26, 15 * 26))


def test_wrong_tables(tmp_path: Path) -> None:
    folder = tmp_path / FOLDER
    folder.mkdir()
    file = folder / "train.csv"
    read = module("raw").read_table
    with pytest.raises(DataError, match=r"sits-formosat2: there is no train\.csv"):
        read(file)
    table = write_table(file)
    for change, message in (
        (table[:, :-1], "448 columns instead of 449"),
        (np.where(table == table[0, 7], np.nan, table), "not finite"),
        (np.where(np.arange(449) > 1, -table, table), "not positive"),
        (table + 100, r"the first column holds values outside 0\.\.23"),
    ):
        np.savetxt(file, change, delimiter=",")
        with pytest.raises(DataError, match=rf"train\.csv: .*{message}"):
            read(file)
    file.write_text("label,polygon\n")
    with pytest.raises(DataError, match=r"train\.csv: not a table of numbers"):
        read(file)


def test_real_formosat_series() -> None:
    data = prepared_sample("satellite")
    assert data.array("x").shape == (15 * 260, 1, 46)
    assert np.bincount(data.array("y")[data.fold("test")]).tolist() == [20] * 13
    assert len(data.fold("train")) + len(data.fold("val")) == 14 * 260
