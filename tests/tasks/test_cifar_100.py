from __future__ import annotations

import builtins
import io
import pickle
import tarfile
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from kit import discovery, task
from kit.data import preparing, taking
from kit.data.prepared import open_prepared
from kit.errors import DataError, KitError
from tests.tasks.samples import prepared_sample

WHEEL = "foolbox-3.3.4-py3-none-any.whl"
ARCHIVE = "cifar-100-python.tar.gz"
COUNTS = {"train": 5, "val": 2, "test": 3}


def module(name: str) -> ModuleType:
    return discovery.load("tasks", task.find("cifar-100").folder, name)


def fields(count: int) -> dict[str, Any]:
    random = np.random.default_rng(count)
    return {
        "filenames": ["a.png"] * count,
        "batch_label": "training batch 1 of 1",
        "fine_labels": random.integers(0, 100, count).tolist(),
        "coarse_labels": [0] * count,
        "data": random.integers(0, 256, (count, 3072)).astype(np.uint8),
    }


def write(file: Path, **members: Any) -> Path:
    with tarfile.open(file, "w:gz") as archive:
        for name, content in members.items():
            text = content if isinstance(content, bytes) else pickle.dumps(content, protocol=2)
            member = tarfile.TarInfo(f"cifar-100-python/{name}")
            member.size = len(text)
            archive.addfile(member, io.BytesIO(text))
    return file


def test_published_images_become_folds_by_index(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    monkeypatch.setattr(module("prepare"), "COUNT", COUNTS)
    cifar, train, test = task.find("cifar-100"), fields(7), fields(3)
    folder = home / "data" / "raw" / "cifar-100"
    folder.mkdir(parents=True)
    write(folder / ARCHIVE, meta={"x": 1}, test=test, train=train)
    preparing.prepare(cifar, "published", "paper")
    data = open_prepared(cifar, "published", "paper")
    x, y = data.array("x"), data.array("y")
    assert x.dtype == np.uint8
    assert np.array_equal(x[data.fold("test")].reshape(3, -1), test["data"])
    assert y[data.fold("val")].tolist() == train["fine_labels"][5:]


def test_a_file_that_is_not_the_published_one_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / ARCHIVE, train=fields(7))
    with pytest.raises(DataError, match=r"cifar-100-python\.tar\.gz has 169001437"):
        taking.import_files(task.find("cifar-100"), [file])


def test_wrong_archives_are_told_by_file_and_field(tmp_path: Path) -> None:
    file, good, read = tmp_path / ARCHIVE, fields(3), module("raw").read
    wrong: list[tuple[Any, str]] = [
        ([], "test: not a dictionary"),
        ({"data": good["data"]}, "test: there is no field 'fine_labels'"),
        (good | {"data": good["data"].tolist()}, r"test: data is int64 \(3, 3072\), not uint8"),
        (good | {"data": good["data"].astype(float)}, r"test: data is float64 \(3, 3072\)"),
        (good | {"data": good["data"][:2]}, r"test: data is uint8 \(2, 3072\), not uint8 \(3"),
        (good | {"fine_labels": [1, 2]}, r"test: fine_labels is a list \(2,\), not numbers \(3,\)"),
        (good | {"fine_labels": [1, 2, 100]}, r"test: fine_labels holds values outside 0\.\.99"),
        (
            good | {"fine_labels": [1, 2, float("nan")]},
            "test: fine_labels holds values that are not finite",
        ),
        (pickle.dumps(good)[:-50], "test: not a whole pickle"),
        (pickle.dumps(Path("x")), "test: the pickle asks for 'pathlib"),
    ]
    for content, message in wrong:
        with pytest.raises(DataError, match=rf"cifar-100-python\.tar\.gz: {message}"):
            read(write(file, test=content), {"test": 3})
    with pytest.raises(DataError, match="there is no cifar-100-python/train"):
        read(write(file, test=good), {"train": 1, "test": 3})
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"cifar-100-python\.tar\.gz"):
        read(file, {"test": 3})


def test_synthetic_classes_can_be_told_apart() -> None:
    cifar = task.find("cifar-100")
    preparing.prepare(cifar, "synthetic", "paper")
    data = open_prepared(cifar, "synthetic", "paper")
    x = np.asarray(data.array("x")).astype(np.float64)
    spectrum = np.abs(np.fft.fft2(x.sum(axis=1)))[:, :9, :].reshape(len(x), -1)[:, 1:]
    features = np.concatenate([x.mean(axis=(2, 3)), spectrum / 500], axis=1)
    y, train, test = data.array("y"), data.fold("train"), data.fold("test")
    centres = np.stack([features[train][y[train] == label].mean(axis=0) for label in range(100)])
    nearest = ((features[test][:, None] - centres) ** 2).sum(axis=-1).argmin(axis=1)
    assert (nearest == y[test]).mean() > 0.3


def png(mode: str = "RGB", side: int = 32) -> bytes:
    image = pytest.importorskip("PIL.Image")
    stream = io.BytesIO()
    values = np.random.default_rng(0).integers(0, 256, (side, side, 3)).astype(np.uint8)
    image.fromarray(values).convert(mode).save(stream, "PNG")
    return stream.getvalue()


def write_wheel(file: Path, content: bytes, label: int = 7, count: int = 20) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for number in range(count):
            archive.writestr(f"foolbox/data/cifar100_{number:02d}_{label}.png", content)
    return file


def test_wrong_images(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, read = tmp_path / WHEEL, module("images").read
    assert read(write_wheel(file, png()))[0].shape == (20, 3, 32, 32)
    for content, message in (
        (png(mode="L"), r"cifar100_00_7\.png: L \(32, 32\), not RGB"),
        (png(side=31), r"cifar100_00_7\.png: RGB \(31, 31\), not RGB"),
        (png()[:-200], r"cifar100_00_7\.png: not a whole PNG file"),
        (b"GIF89a", r"cifar100_00_7\.png: not a whole PNG file"),
    ):
        with pytest.raises(DataError, match=rf"{WHEEL}: {message}"):
            read(write_wheel(file, content))
    with pytest.raises(DataError, match=r"its label is outside 0\.\.99"):
        read(write_wheel(file, png(), label=100))
    with pytest.raises(DataError, match="19 images of CIFAR-100 instead of 20"):
        read(write_wheel(file, png(), count=19))

    def without(name: str, *rest: Any) -> ModuleType:
        if name == "PIL":
            raise ModuleNotFoundError(name)
        return found(name, *rest)

    found: Any = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(KitError, match=r"needs pillow: pip install -e '\.\[images\]'"):
        read(file)


def test_real_images() -> None:
    data = prepared_sample("cifar-100")
    assert data.array("x").shape == (20, 3, 32, 32)
    assert data.array("y")[:5].tolist() == [49, 33, 72, 51, 71]
