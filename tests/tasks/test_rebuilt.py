"""Tiers ``rebuilt`` of the tasks whose primary source another host has."""

from __future__ import annotations

import io
import shutil
import subprocess
import tarfile
import wave
import zipfile
from itertools import product
from pathlib import Path
from types import ModuleType
from typing import Any

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from kit import discovery, task
from kit.data import preparing, raw
from kit.data.prepared import Prepared, open_prepared
from kit.errors import DataError
from kit.task import Task


def module(the_task: Task, name: str) -> ModuleType:
    return discovery.load("tasks", the_task.folder, name)


def place(the_task: Task) -> Path:
    folder = raw.folder_of(the_task)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def rebuilt(the_task: Task) -> Prepared:
    preparing.prepare(the_task, "rebuilt", "paper")
    return open_prepared(the_task, "rebuilt", "paper")


def refused(the_task: Task, message: str) -> None:
    with pytest.raises(DataError, match=message) as told:
        preparing.prepare(the_task, "rebuilt", "paper")
    assert "\n" not in str(told.value)
    assert not preparing.state(the_task, "rebuilt").ready


COSMIC = task.find("cosmic")


@pytest.mark.parametrize("form", ["archive", "folder"])
def test_cosmic_from_zenodo(form: str) -> None:
    for fold, count in (("train", 10), ("test", 3)):
        file = place(COSMIC) / "zenodo" / f"deepCR.ACS-WFC.{fold}.tar"
        file.parent.mkdir(exist_ok=True)
        module(COSMIC, "synthetic").write_archive(file, fold, count)
        if form == "folder":
            with tarfile.open(file) as archive:
                archive.extractall(file.parent, filter="data")
            file.unlink()
    data = rebuilt(COSMIC)
    assert [len(data.fold(name)) for name in ("train", "val", "test")] == [9, 1, 3]
    assert not preparing.state(COSMIC, "published").ready


PSICOV = task.find("psicov")


@pytest.mark.parametrize("form", ["archive", "folder"])
def test_psicov_from_pdnet(form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same tree, one folder deeper, in another kind of archive."""
    monkeypatch.setattr(module(PSICOV, "prepare"), "VALIDATION", 2)
    module(PSICOV, "synthetic").write_archive(tmp_path / "protein.zip", 5, 3)
    with zipfile.ZipFile(tmp_path / "protein.zip") as archive:
        archive.extractall(tmp_path / "tree")
    (lists,) = (tmp_path / "tree").rglob("deepcov.lst")
    if form == "folder":
        shutil.copytree(lists.parent, place(PSICOV) / "data")
    else:
        with tarfile.open(place(PSICOV) / "train-data.tar.gz", "w:gz") as packed:
            packed.add(lists.parent, "data")
    data = rebuilt(PSICOV)
    assert [len(data.fold(name)) for name in ("train", "val", "test")] == [3, 2, 3]
    assert not preparing.state(PSICOV, "published").ready


SATELLITE = task.find("satellite")
COUNT = {"train": 6, "val": 2, "test": 3}


def table(count: int, seed: int, **wrong: Any) -> str:
    random = np.random.default_rng(seed)
    rows = np.column_stack([random.integers(1, 25, count), random.normal(size=(count, 46))])
    lines = [",".join(f"{value:.6g}" for value in row) for row in rows]
    return "\n".join([*lines, *wrong.get("more", [])]) + "\n"


@pytest.mark.parametrize("form", ["archive", "folder"])
def test_satellite_from_sits1m(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module(SATELLITE, "prepare"), "COUNT", COUNT)
    monkeypatch.setattr(module(SATELLITE, "sits"), "BLOCK", 3)
    texts = {"SITS1M_fold1_TRAIN.csv": table(8, 0), "SITS1M_fold1_TEST.csv": table(3, 1)}
    if form == "folder":
        for name, text in texts.items():
            file = place(SATELLITE) / "sits1m" / name
            file.parent.mkdir(exist_ok=True)
            file.write_text(text)
    else:
        with zipfile.ZipFile(place(SATELLITE) / "sits1m.zip", "w") as archive:
            for name, text in texts.items():
                archive.writestr(f"SITS/{name}", text)
    data = rebuilt(SATELLITE)
    lines = "".join(texts.values()).splitlines()
    assert data.array("x").shape == (11, 1, 46)
    assert data.array("y").tolist() == [int(line.split(",")[0]) - 1 for line in lines]
    assert data.array("x")[4, 0, 7] == np.float32(lines[4].split(",")[8])
    assert [len(data.fold(name)) for name in COUNT] == list(COUNT.values())


@pytest.mark.parametrize(
    ("train", "message"),
    [
        (table(7, 0), r"SITS1M_fold1_TRAIN\.csv: 7 series, not 8"),
        (table(7, 0, more=["25" + ",1" * 46]), "holds values outside 1..24"),
        (table(7, 0, more=["1,2"]), "not a table of numbers"),
        ("1,2\n", "2 columns, not a label and 46 values"),
        ("", "it is empty"),
        (None, r"there is no SITS1M_fold1_TRAIN\.csv"),
    ],
)
def test_wrong_tables_are_told(
    train: str | None, message: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module(SATELLITE, "prepare"), "COUNT", COUNT)
    with zipfile.ZipFile(place(SATELLITE) / "sits1m.zip", "w") as archive:
        archive.writestr("SITS1M_fold1_TEST.csv", table(3, 1))
        if train is not None:
            archive.writestr("SITS1M_fold1_TRAIN.csv", train)
    refused(SATELLITE, message)


DEEPSEA = task.find("deepsea")
CHOSEN = list(range(3, 39))


def bundle(
    labels: str | None = None, without: str = "", flat: bool = False, link: Any = None
) -> Any:
    """Lay a small bundle as a folder; return which validation sequences have a chosen label."""
    random = np.random.default_rng(0)
    folder = place(DEEPSEA) / "deepsea_train"
    folder.mkdir()
    kept: Any = None
    for name, count in (("train", 100), ("valid", 30), ("test", 40)):
        x = np.eye(4, dtype=np.uint8)[random.integers(0, 4, (count, 1000))].transpose(0, 2, 1)
        x[0, :, 5] = 0
        y = (random.random((count, 919)) < 0.02).astype(np.uint8)
        y[:5, CHOSEN[0]] = 1
        fields = {f"{name}xdata": x, f"{name}data": y[:, :5] if flat else y}
        if name == "valid":
            kept = np.asarray(y[:, CHOSEN].any(axis=1))
        if name == without:
            continue
        if name == "train":
            with h5py.File(folder / "train.mat", "w") as file:
                for field, value in fields.items():
                    file[field] = value.T if link is None else link
        else:
            savemat(folder / f"{name}.mat", fields)
    text = "\n".join(map(str, CHOSEN)) if labels is None else labels
    (place(DEEPSEA) / "labels.txt").write_text(text)
    return kept


def test_deepsea_from_the_bundle_with_labels_of_ones_own() -> None:
    kept = bundle()
    data = rebuilt(DEEPSEA)
    assert len(data.fold("val")) == kept.sum()
    assert np.asarray(data.array("y")).any(axis=1).all(), "sequences without a label are left out"
    first = data.array("x")[data.fold("train")[0], 0]
    assert first[5] == 4, "no base is known there"
    assert len(data.fold("train")) <= 5, "every twentieth"
    assert data.manifest.origin["labels"] == CHOSEN


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"labels": "1\n2"}, "labels.txt: 2 labels, not 36"),
        ({"labels": "a"}, "not a list of numbers"),
        ({"labels": "\n".join(map(str, range(900, 936)))}, r"labels outside 0\.\.918"),
        ({"without": "test"}, r"there is no test\.mat"),
        (
            {"link": h5py.ExternalLink("a.mat", "/x")},
            r"train\.mat: trainxdata is a link, not an arr",
        ),
        ({"link": h5py.SoftLink("/gone")}, r"train\.mat: trainxdata is a link, not an array"),
        ({"flat": True}, r"trainxdata|traindata is \(5, 100\), not \(919, 100\)"),
    ],
)
def test_wrong_bundles_are_told(options: dict[str, Any], message: str) -> None:
    bundle(**options)
    refused(DEEPSEA, message)


FSD50K = task.find("fsd50k")
SECONDS = {"10": 0.6, "11": 1.0, "12": 1.9, "13": 1.2}


def wav(seconds: float, seed: int, rate: int = 44_100) -> bytes:
    values = np.random.default_rng(seed).standard_normal(int(rate * seconds)) * 3000
    packed = io.BytesIO()
    with wave.open(packed, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(values.astype("<i2").tobytes())
    return packed.getvalue()


def fsd(split: bool) -> Path:
    """Lay four clips, their tables and one noise file, as the hosts have them."""
    folder = place(FSD50K)
    sounds = {"dev_audio": ("10", "11", "12"), "eval_audio": ("13",)}
    for name, clips in sounds.items():
        below = folder / f"FSD50K.{name}"
        below.mkdir()
        for clip in clips:
            (below / f"{clip}.wav").write_bytes(wav(SECONDS[clip], int(clip)))
    if split:
        for name, part in (("dev_audio", "64k"), ("eval_audio", "64k")):
            archive = f"FSD50K.{name}.zip"
            words = ["zip", "-q", "-r", "-s", part, archive, f"FSD50K.{name}"]
            subprocess.run(words, cwd=folder, check=True)
            shutil.rmtree(folder / f"FSD50K.{name}")
    vocabulary = "".join(f"{number},l{number},/m/{number}\n" for number in range(200))
    dev = 'fname,labels,mids,split\n10,"l1,l2",,train\n11,l3,,val\n12,l4,,train\n'
    tables = {"dev.csv": dev, "eval.csv": "fname,labels,mids\n13,l5,\n"}
    with zipfile.ZipFile(folder / "FSD50K.ground_truth.zip", "w") as archive_file:
        for name, text in {**tables, "vocabulary.csv": vocabulary}.items():
            archive_file.writestr(f"FSD50K.ground_truth/{name}", text)
    (folder / "musan/noise/free-sound").mkdir(parents=True)
    (folder / "musan/noise/free-sound/n1.wav").write_bytes(wav(1.5, 0, rate=16_000))
    (folder / "musan/speech").mkdir()
    (folder / "musan/speech/s1.wav").write_bytes(wav(1.5, 0, rate=16_000))
    return folder


def check_fsd(data: Prepared) -> None:
    assert [len(data.fold(name)) for name in ("train", "val", "test")] == [2, 1, 1]
    # 0.6 s: one chunk; 1 s: two; 1.9 s: four, and 1.2 s: three.
    assert np.diff(data.array("x-offsets")).tolist() == [1, 4, 2, 3]
    assert np.flatnonzero(data.array("y")[0]).tolist() == [1, 2]
    assert data.array("shared-noise-offsets").tolist() == [0, 151], "noise alone, at 22,050 Hz"


def test_fsd50k_from_folders() -> None:
    fsd(split=False)
    check_fsd(rebuilt(FSD50K))


def test_a_damaged_header_of_a_clip_is_told() -> None:
    """Every byte of the header in turn; some leave a file that can be read."""
    told = []
    for place, value in product(range(44), (0, 1, 255)):
        content = bytearray(wav(0.1, 11))
        content[place] = value
        try:
            module(FSD50K, "rebuilt").resampled("11.wav", bytes(content))
        except DataError as error:
            told.append(str(error))
    assert len(told) > 44
    assert all(line.startswith("11.wav: not a ") for line in told)


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("dev.csv", b"fname,labels,mids,split\n10,l1\n", "fewer than 4 columns"),
        ("eval.csv", b"fname,labels,mids\n\xff\xfe,l5,\n", "not a CSV file in UTF-8"),
        ("vocabulary.csv", b"x,l0,/m/0\n", "not 200 labels"),
    ],
)
def test_damaged_tables_of_fsd50k_are_told(name: str, content: bytes, told: str) -> None:
    truth = fsd(split=False) / "FSD50K.ground_truth.zip"
    with zipfile.ZipFile(truth) as archive:
        tables = {Path(member).name: archive.read(member) for member in archive.namelist()}
    with zipfile.ZipFile(truth, "w") as archive:
        for member, text in {**tables, name: content}.items():
            archive.writestr(f"FSD50K.ground_truth/{member}", text)
    with pytest.raises(DataError, match=told):
        rebuilt(FSD50K)


@pytest.mark.skipif(shutil.which("zip") is None, reason="needs zip to split an archive")
def test_fsd50k_from_split_archives(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fsd(split=True)
    counts = {
        name: 1 + len(list(folder.glob(f"{name}.z[0-9]*")))
        for name in ("FSD50K.dev_audio", "FSD50K.eval_audio")
    }
    assert min(counts.values()) > 1
    monkeypatch.setattr(module(FSD50K, "rebuilt"), "PARTS", counts)
    for number in range(1, 6):
        # What raw.missing looks for; the small archive has fewer or more parts.
        (folder / f"FSD50K.dev_audio.z{number:02d}").touch()
    check_fsd(rebuilt(FSD50K))
    parts = [folder / f"FSD50K.eval_audio.z{n:02d}" for n in range(1, counts["FSD50K.eval_audio"])]
    reader = module(FSD50K, "split_zip").members
    whole = parts[0].read_bytes()
    archive = folder / "FSD50K.eval_audio.zip"
    with pytest.raises(DataError, match=r"it was split into \d files, here are 1"):
        list(reader([archive]))
    parts[0].write_bytes(whole[:-5000] + bytes(5000))
    with pytest.raises(DataError, match="truncated or damaged"):
        list(reader([*parts, archive]))
    parts[0].unlink()
    with pytest.raises(DataError, match=r"FSD50K\.eval_audio\.z01 is missing; all parts of"):
        list(reader([*parts, archive]))
    archive.write_bytes(archive.read_bytes()[:-30])
    parts[0].write_bytes(whole)
    with pytest.raises(DataError, match="truncated or damaged"):
        list(reader([*parts, archive]))
