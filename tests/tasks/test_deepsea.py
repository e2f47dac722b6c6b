from __future__ import annotations

import io
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from kit import discovery, method, task
from kit.data import preparing, taking
from kit.data.folds import TaskData
from kit.data.prepared import open_prepared
from kit.errors import DataError
from tests.tasks.samples import prepared_sample

WHEEL = "janggu-0.10.2-py2.py3-none-any.whl"
COUNTS = {"train": 5, "val": 2, "test": 3}


def module(name: str) -> ModuleType:
    return discovery.load("tasks", task.find("deepsea").folder, name)


def fields() -> dict[str, np.ndarray[Any, Any]]:
    random, content = np.random.default_rng(0), {}
    for name, count in COUNTS.items():
        bases = random.integers(0, 5, (count, 1000))
        content[f"x_{name}"] = np.eye(5, 4, dtype=np.int8)[bases]
        content[f"y_{name}"] = random.integers(0, 2, (count, 36)).astype(np.int8)
    return content


@pytest.mark.parametrize("dtype", ["int8", "float32", "bool", "fortran"])
def test_published_archive_becomes_indices(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, dtype: str
) -> None:
    monkeypatch.setattr(module("prepare"), "COUNT", COUNTS)
    monkeypatch.setattr(module("raw"), "BLOCK", 2)
    deepsea, content, file = task.find("deepsea"), fields(), tmp_path / "deepsea_filtered.npz"
    stored = {
        name: np.asfortranarray(values) if dtype == "fortran" else values.astype(dtype)
        for name, values in content.items()
    }
    np.savez(file, allow_pickle=False, **stored)
    taking.import_files(deepsea, [file])
    preparing.prepare(deepsea, "published", "paper")
    prepared = open_prepared(deepsea, "published", "paper")
    assert prepared.array("x").dtype == np.uint8
    config = method.find("wrn").settings(deepsea, "clean", "paper", "published").data
    data = TaskData(deepsea, prepared, torch.device("cpu"))
    for role, name in (("tune_fit", "train"), ("tune_val", "val"), ("test", "test")):
        samples = data.fold(role, config).samples
        assert np.array_equal(samples.x.numpy(), content[f"x_{name}"].transpose(0, 2, 1))
        assert np.array_equal(samples.y.numpy(), content[f"y_{name}"])


def test_wrong_archives_are_told_by_file_and_field(tmp_path: Path) -> None:
    file, good, read = tmp_path / "deepsea_filtered.npz", fields(), module("raw").read
    twice = good["x_val"].copy()
    twice[0, 0] = 1
    wrong: list[tuple[str, Any, str]] = [
        ("x_val", good["x_val"].transpose(0, 2, 1), r"x_val is int8 \(2, 4, 1000\), not numbers"),
        ("x_val", good["x_val"][:1], r"x_val is int8 \(1, 1000, 4\)"),
        ("x_val", twice, "x_val holds positions with more than one base"),
        ("x_val", good["x_val"] * 0.25, "x_val holds values other than 0 and 1"),
        ("x_val", np.full((2, 1000, 4), np.nan), "x_val holds values other than 0 and 1"),
        ("x_val", good["x_val"].astype(str), "x_val is <U4"),
        ("y_test", good["y_test"][:, :35], r"y_test is int8 \(3, 35\), not numbers \(3, 36\)"),
        ("y_test", good["y_test"] * 2, "y_test holds values other than 0 and 1"),
    ]
    for name, values, message in wrong:
        np.savez(file, allow_pickle=False, **(good | {name: values}))
        with pytest.raises(DataError, match=rf"deepsea_filtered\.npz: {message}"):
            read(file, COUNTS)
    np.savez(file, allow_pickle=False, x_train=good["x_train"])
    with pytest.raises(DataError, match=r"deepsea_filtered\.npz: there is no field 'x_test'"):
        read(file, COUNTS)


def test_damaged_archives(tmp_path: Path) -> None:
    file, good, read = tmp_path / "deepsea_filtered.npz", fields(), module("raw").read
    np.savez(file, allow_pickle=False, **good)
    whole = bytearray(file.read_bytes())
    file.write_bytes(whole[:-500])
    with pytest.raises(DataError, match=r"deepsea_filtered\.npz"):
        read(file, COUNTS)
    for content, message in (
        (b"not an array", "not a whole .npy file"),
        (good_member(good["x_train"])[:-7], "x_train ends too early"),
        (good_member(good["x_train"]) + b"0", "x_train has more bytes than its shape"),
    ):
        with zipfile.ZipFile(file, "w") as archive:
            archive.writestr("x_train.npy", content)
        with pytest.raises(DataError, match=rf"deepsea_filtered\.npz: .*{message}"):
            read(file, COUNTS)


def good_member(values: np.ndarray[Any, Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, values)
    return stream.getvalue()


def test_synthetic_motifs_can_be_found() -> None:
    deepsea = task.find("deepsea")
    preparing.prepare(deepsea, "synthetic", "paper")
    data = open_prepared(deepsea, "synthetic", "paper")
    x, y = np.asarray(data.array("x"))[:, 0], np.asarray(data.array("y"))
    assert y.mean() == pytest.approx(0.15, abs=0.01)
    assert (y[data.fold("test")].any(axis=0) & ~y[data.fold("test")].all(axis=0)).all()
    # The motif of label 0 is the most common word of the sequences that have the label.
    words = np.lib.stride_tricks.sliding_window_view(x, 12, axis=1) @ 4 ** np.arange(12)
    found, counts = np.unique(words[y[:, 0] == 1], return_counts=True)
    has_motif = (words == found[counts.argmax()]).any(axis=1)
    assert has_motif[y[:, 0] == 1].mean() > 0.95
    assert has_motif[y[:, 0] == 0].mean() < 0.05


def write_wheel(file: Path, **changes: str) -> Path:
    names = ("sample", "sample2", "sample_test", "sample2_test")
    with zipfile.ZipFile(file, "w") as archive:
        for name in names:
            text = ">chr7:0-4\nACTG\n>chr1:9-15\nacnNt\nG\n" * (2 if "test" in name else 3)
            archive.writestr(f"janggu/resources/{name}.fa", changes.get(name, text))
    return file


def test_sequences_stand_in_the_middle(tmp_path: Path) -> None:
    files = module("fasta").read(write_wheel(tmp_path / WHEEL), ("sample", "sample2_test"))
    x, chromosomes = files["sample"]
    assert x.shape == (6, 1, 1000)
    assert x[0, 0, 498:502].tolist() == [0, 1, 2, 3]
    assert x[1, 0, 497:503].tolist() == [0, 1, 4, 4, 2, 3]
    assert (x[0, 0, :498] == 4).all()
    assert chromosomes.tolist() == ["chr7", "chr1"] * 3


def test_wrong_sequences(tmp_path: Path) -> None:
    file, read = tmp_path / WHEEL, module("fasta").read
    for text, message in (
        (">chr1:0-4\nACXG\n", "'chr1:0-4' has letters other than"),
        (">chr1:0-4\n", "'chr1:0-4' has 0 bases"),
        (">chr1:0-4\n" + "A" * 1001, "'chr1:0-4' has 1001 bases"),
        ("ACTG", "not a FASTA file"),
        ("", "not a FASTA file"),
    ):
        with pytest.raises(DataError, match=rf"{WHEEL}: sample2\.fa: {message}"):
            read(write_wheel(file, sample2=text), ("sample", "sample2"))
    with pytest.raises(DataError, match=rf"{WHEEL}: there is no sample3\.fa"):
        read(file, ("sample", "sample3"))
    file.write_bytes(file.read_bytes()[:-100])
    with pytest.raises(DataError, match=WHEEL):
        read(file, ("sample",))


def test_real_sequences() -> None:
    data = prepared_sample("deepsea")
    y = data.array("y")
    assert y.sum(axis=0)[:3].tolist() == [3997, 4000, 3997]
    assert len(data.fold("val")) == 444
    assert y[data.fold("test")].sum(axis=0)[:2].tolist() == [100, 100]
