from __future__ import annotations

import pickle
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from scipy.io import savemat
from sklearn.model_selection import train_test_split

from kit import discovery, task
from kit.data import preparing
from kit.data.folds import TaskData
from kit.data.prepared import ArrayFile, Manifest, Prepared, open_prepared
from kit.errors import DataError
from kit.settings import DataConfig, convert
from kit.task import Preparation
from tests.tasks.samples import prepared_sample

ECG = task.find("ecg")


def module(name: str) -> ModuleType:
    return discovery.load("tasks", ECG.folder, name)


def job(folder: Path, tier: Any, samples: dict[str, int] | None = None) -> Preparation:
    folder.mkdir(exist_ok=True)
    return Preparation(
        tier=tier,
        raw=folder,
        samples=samples or {},
        workers=1,
        scratch=folder,
        progress=lambda *_: None,
    )


def write(folder: Path, content: Any) -> Path:
    folder.mkdir(exist_ok=True)
    file = folder / "challenge2017.pkl"
    file.write_bytes(pickle.dumps(content))
    return file


@pytest.fixture
def smoke(home: Path) -> Prepared:
    preparing.prepare(ECG, "synthetic", "smoke")
    return open_prepared(ECG, "synthetic", "smoke")


def test_folds_are_those_of_scikit_learn() -> None:
    count = 317
    everything = np.arange(count)
    train, held_out = train_test_split(everything, test_size=0.2, random_state=0)
    val, test = train_test_split(held_out, test_size=0.5, random_state=0)
    final, final_test = train_test_split(everything, test_size=0.1, random_state=0)
    folds = module("prepare").split(count)
    wanted = {
        "train": train,
        "val": val,
        "test": test,
        "90-10-train": final,
        "90-10-test": final_test,
    }
    for name, fold in wanted.items():
        assert folds[name].tolist() == fold.tolist()
    joined = np.concatenate([folds[name] for name in ("train", "val", "test")])
    assert sorted(joined) == list(range(count))


def test_half_of_the_released_test_records_are_validated_on() -> None:
    folds = module("prepare").split(8528)
    assert [len(folds[name]) for name in ("train", "val", "test")] == [6822, 853, 853]
    assert len(set(folds["90-10-test"]) & set(folds["val"])) == 429
    assert not set(folds["90-10-test"]) & set(folds["train"])


def test_windows_have_the_stride_of_their_class(smoke: Prepared) -> None:
    config = convert(dict(ECG.rules), DataConfig, "config")
    fold = TaskData(ECG, smoke, torch.device("cpu")).fold("final_fit", config)
    offsets, labels = smoke.array("x-offsets"), smoke.array("y")
    windows = [
        (row, start)
        for row in [*smoke.fold("train"), *smoke.fold("val")]
        for start in range(
            0, offsets[row + 1] - offsets[row] - 1000, (500, 83, 250, 25)[labels[row]]
        )
    ]
    assert [tuple(address) for address in fold.addresses.tolist()] == windows
    row, start = windows[-1]
    whole = smoke.array("x")[offsets[row] : offsets[row + 1]].astype(float)
    scored = (whole - whole.mean()) / whole.std()
    assert np.allclose(fold.samples.x[-1, 0], scored[start : start + 1000], atol=1e-5)
    assert fold.samples.unit_id[-1] == row
    assert fold.samples.y[-1] == labels[row]


def test_last_window_and_short_records_are_dropped(tmp_path: Path) -> None:
    lengths = [1000, 1001, 1500, 1501, 900]
    random = np.random.default_rng(0)
    values = [random.integers(-9, 9, length).astype("i2") for length in lengths]
    write(tmp_path, {"data": values, "label": list("NNNNA")})
    contents = module("prepare").prepare(job(tmp_path, "published"))
    assert contents.arrays["x"].dtype == np.int16
    (tmp_path / "made").mkdir()
    for name, array in contents.arrays.items():
        np.save(tmp_path / "made" / f"{name}.npy", array)
    loading = TaskData(ECG, _opened(tmp_path / "made", contents), torch.device("cpu"))
    fold = loading.fold(
        "test", convert({**ECG.rules, "roles": {"test": ["all"]}}, DataConfig, "config")
    )
    assert fold.addresses.tolist() == [[1, 0], [2, 0], [3, 0], [3, 500]]
    short = convert({**ECG.rules, "roles": {"test": ["short"]}}, DataConfig, "config")
    with pytest.raises(DataError, match="no record is longer than a window of 1000"):
        loading.fold("test", short)


def _opened(folder: Path, contents: Any) -> Prepared:
    np.save(folder / "fold-all.npy", np.arange(5))
    np.save(folder / "fold-short.npy", np.array([0, 4]))
    file = ArrayFile(dtype="<i8", shape=(), bytes=0, sha256="")
    arrays = dict.fromkeys([*contents.arrays, "fold-all", "fold-short"], file)
    manifest = Manifest(
        schema=1, task="ecg", version=1, tier="published", samples={}, arrays=arrays, origin={}
    )
    return Prepared(folder, manifest)


def test_synthetic_records_are_learnable_and_drawn_by_their_number(smoke: Prepared) -> None:
    """Beat by beat: what a class has, its records have."""
    record = module("synthetic").record
    assert np.array_equal(record(5), record(5))
    noise = [np.abs(np.diff(record(number).astype(float))).mean() for number in range(8)]
    assert min(noise[3], noise[7]) > 3 * max(noise[:3] + noise[4:7])
    assert smoke.manifest.samples == {"train": 16, "val": 8, "test": 8}
    assert set(smoke.array("y").tolist()) == {0, 1, 2, 3}


RECORDS = [np.arange(5, dtype="i2"), np.arange(7.0)]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ([1, 2], "not a dictionary but a list"),
        ({"data": RECORDS}, "there is no field 'label'"),
        ({"data": RECORDS, "label": "N"}, "data has 2 records, label has 1"),
        ({"data": RECORDS, "label": "NX"}, r"label\[1\] is 'X', not one of N A O ~"),
        (
            {"data": [np.zeros((2, 3)), RECORDS[0]], "label": "NA"},
            r"data\[0\] is float64 \(2, 3\), not numbers \(n,\)",
        ),
        ({"data": [RECORDS[0], ["a"]], "label": "NA"}, r"data\[1\] is a str, not a number"),
        (
            {"data": [np.zeros(0), RECORDS[0]], "label": "NA"},
            r"data\[0\] is float64 \(0,\), not numbers \(n,\)",
        ),
        ({"data": [np.array([np.nan]), RECORDS[0]], "label": "NA"}, r"data\[0\] holds values that"),
        ({"data": [], "label": []}, "there is no record"),
    ],
)
def test_wrong_pickles_are_told_by_file_and_field(
    tmp_path: Path, content: Any, message: str
) -> None:
    write(tmp_path, content)
    with pytest.raises(DataError, match=message) as told:
        module("prepare").prepare(job(tmp_path, "published"))
    assert "\n" not in str(told.value)


def test_pickles_that_are_cut_short_or_call_something_are_refused(tmp_path: Path) -> None:
    file = write(tmp_path, {"data": RECORDS, "label": "NA"})
    file.write_bytes(file.read_bytes()[:-20])
    with pytest.raises(DataError, match=r"challenge2017\.pkl: not a whole pickle"):
        module("records").read_pickle(file)
    file.write_bytes(pickle.dumps({"data": [print], "label": "N"}))
    with pytest.raises(DataError, match="not allowed"):
        module("records").read_pickle(file)


def test_wrong_folders_are_told_by_file_and_field(tmp_path: Path) -> None:
    def read() -> Any:
        return module("records").read_folder(tmp_path, lambda *_: None)

    reference, record = tmp_path / "REFERENCE.csv", tmp_path / "A1.mat"
    with pytest.raises(DataError, match=r"REFERENCE\.csv: no such file"):
        read()
    reference.write_text("A1,N,x\n")
    with pytest.raises(DataError, match="line 1 is not 'record,label'"):
        read()
    reference.write_text("A1,Q\n")
    with pytest.raises(DataError, match="line 1 is 'Q', not one of"):
        read()
    reference.write_text("A1,N\n")
    with pytest.raises(DataError, match=r"A1\.mat: no such file"):
        read()
    record.write_bytes(b"no MATLAB file at all" * 9)
    with pytest.raises(DataError, match=r"A1\.mat: not a readable MATLAB file"):
        read()
    savemat(record, {"value": np.zeros((1, 5))})
    with pytest.raises(DataError, match=r"A1\.mat: there is no field 'val'"):
        read()
    savemat(record, {"val": np.zeros((2, 5))})
    with pytest.raises(DataError, match=r"A1\.mat: val is float64 \(2, 5\), not numbers \(1, n\)"):
        read()
    savemat(record, {"val": np.arange(5, dtype="i2")[None]})
    assert read().values[0].tolist() == [0, 1, 2, 3, 4]


def test_official_sample() -> None:
    data = prepared_sample("ecg")
    assert np.bincount(data.array("y")).tolist() == [150, 50, 70, 30]
    lengths = np.diff(data.array("x-offsets"))
    assert (lengths.min(), lengths.max()) == (3002, 18170)
    assert data.array("x").dtype == np.int16
    assert [len(data.fold(name)) for name in ("train", "val", "test")] == [240, 30, 30]
