from __future__ import annotations

import io
import tarfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from kit import discovery, task
from kit.data import preparing, taking
from kit.data.prepared import open_prepared
from kit.errors import DataError
from tests.tasks.samples import made_up, prepared_sample

ARCHIVE = "libemg-2.0.3.tar.gz"
COUNTS = {"train": 6, "val": 3, "test": 4}


def module(name: str) -> ModuleType:
    return discovery.load("tasks", task.find("ninapro").folder, name)


def write_folds(folder: Path) -> dict[str, np.ndarray[Any, Any]]:
    random = np.random.default_rng(0)
    content: dict[str, np.ndarray[Any, Any]] = {}
    for name, count in COUNTS.items():
        content[f"ninapro_{name}"] = random.normal(size=(count, 52, 16))
        content[f"label_{name}"] = random.integers(0, 18, count)
    for name, values in content.items():
        np.save(folder / f"{name}.npy", values)
    return content


def test_published_windows_are_transposed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module("prepare"), "COUNT", COUNTS)
    ninapro, content = made_up(task.find("ninapro")), write_folds(tmp_path)
    taking.import_files(ninapro, sorted(tmp_path.glob("*.npy")))
    preparing.prepare(ninapro, "published", "paper")
    data = open_prepared(ninapro, "published", "paper")
    x, y = data.array("x"), data.array("y")
    for name in COUNTS:
        windows = content[f"ninapro_{name}"].astype(np.float32).transpose(0, 2, 1)
        assert np.array_equal(x[data.fold(name), 0], windows)
        assert np.array_equal(y[data.fold(name)], content[f"label_{name}"])


@pytest.mark.parametrize(
    ("name", "change", "message"),
    [
        (
            "ninapro_val",
            lambda v: v.transpose(0, 2, 1),
            r"windows is float64 \(3, 16, 52\), not numbers \(3, 52",
        ),
        ("ninapro_val", lambda v: v[:2], r"windows is float64 \(2, 52, 16\)"),
        ("ninapro_val", lambda v: np.where(v == v[0, 0, 0], np.nan, v), "not finite"),
        ("ninapro_val", lambda v: v.astype(str), "windows is <U"),
        ("ninapro_val", lambda v: np.full(v.shape, "a", object), "windows is a str, not a number"),
        ("label_val", lambda v: v[:2], r"labels is int64 \(2,\), not numbers \(3,\)"),
        ("label_val", lambda v: v + 18, r"labels holds values outside 0\.\.17"),
        ("label_val", lambda v: v - 0.5, r"labels holds values outside 0\.\.17"),
    ],
)
def test_wrong_files_are_told_by_file_and_field(
    tmp_path: Path, name: str, change: Any, message: str
) -> None:
    content = write_folds(tmp_path)
    np.save(tmp_path / f"{name}.npy", change(content[name]))
    with pytest.raises(DataError, match=rf"{name}\.npy: .*{message}"):
        module("raw").read(tmp_path, "val", 3)


def test_truncated_and_missing_files(tmp_path: Path) -> None:
    write_folds(tmp_path)
    file = tmp_path / "ninapro_val.npy"
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DataError, match=r"ninapro_val\.npy"):
        module("raw").read(tmp_path, "val", 3)
    file.unlink()
    with pytest.raises(DataError, match=r"ninapro_val\.npy: no such file"):
        module("raw").read(tmp_path, "val", 3)


def test_numbers_as_objects_and_small_integers(tmp_path: Path) -> None:
    content = write_folds(tmp_path)
    np.save(tmp_path / "label_val.npy", content["label_val"].astype(object))
    np.save(tmp_path / "ninapro_val.npy", np.ones((3, 52, 16), np.int8))
    windows, labels = module("raw").read(tmp_path, "val", 3)
    assert windows.dtype == np.int8
    assert labels.tolist() == content["label_val"].tolist()


def test_synthetic_gestures_can_be_told_apart() -> None:
    ninapro = task.find("ninapro")
    preparing.prepare(ninapro, "synthetic", "paper")
    data = open_prepared(ninapro, "synthetic", "paper")
    power = np.log((np.asarray(data.array("x"))[:, 0] ** 2).mean(axis=-1))
    y, train, test = data.array("y"), data.fold("train"), data.fold("test")
    assert (y == 0).mean() == pytest.approx(0.65, abs=0.01)
    centres = np.stack([power[train][y[train] == label].mean(axis=0) for label in range(18)])
    nearest = ((power[test][:, None] - centres) ** 2).sum(axis=-1).argmin(axis=1)
    assert (nearest == y[test]).mean() > 0.9


def write_recordings(file: Path, change: Any = lambda values: values, count: int = 20) -> Path:
    random = np.random.default_rng(0)
    with tarfile.open(file, "w:gz") as archive:
        for number in range(count):
            values = change(random.integers(-128, 128, (72, 8)))
            text = "\n".join(",".join(map(str, row)) for row in values.tolist()).encode()
            name = f"R_{number // 5}_C_{number % 5}_EMG.csv"
            member = tarfile.TarInfo(f"libemg-2.0.3/tests/data/myo_dataset/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return file


def test_windows_of_recordings(tmp_path: Path) -> None:
    windows, gestures, repetitions = module("myo").read(write_recordings(tmp_path / ARCHIVE))
    assert windows.shape == (20 * 5, 1, 16, 52)
    assert np.array_equal(windows[0, 0, :8, 5:], windows[1, 0, :8, :-5])
    assert not windows[:, 0, 8:].any()
    assert gestures.tolist() == [c for _ in range(4) for c in range(5) for _ in range(5)]
    assert repetitions.tolist() == [r for r in range(4) for _ in range(25)]


def test_wrong_recordings(tmp_path: Path) -> None:
    file, read = tmp_path / ARCHIVE, module("myo").read
    for change, message in (
        (lambda values: values[:51], r"R_0_C_0_EMG\.csv: \(51, 8\) instead of"),
        (lambda values: values[:, :7], r"R_0_C_0_EMG\.csv: \(72, 7\) instead of"),
        (lambda values: values + 0.5, "not whole numbers"),
        (lambda values: np.full(values.shape, np.nan), "not whole numbers"),
        (lambda values: values.astype(str).astype("<U1"), "not a table of numbers"),
    ):
        write_recordings(file, change)
        with pytest.raises(DataError, match=rf"{ARCHIVE}: .*{message}"):
            read(file)
    with pytest.raises(DataError, match="19 Myo recordings instead of 20"):
        read(write_recordings(file, count=19))
    file.write_bytes(file.read_bytes()[:-2000])
    with pytest.raises(DataError, match=ARCHIVE):
        read(file)


def test_real_recordings() -> None:
    data = prepared_sample("ninapro")
    assert data.array("x").shape == (2203, 1, 16, 52)
    sizes = {name: len(data.fold(name)) for name in ("train", "val", "test", "turned")}
    assert sum(sizes.values()) == 2203
    assert min(sizes.values()) > 540
