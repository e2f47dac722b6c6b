from __future__ import annotations

import io
import pickle
import zipfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from kit import discovery, metrics, task
from kit.data.folds import Fold, TaskData
from kit.data.prepared import Prepared
from kit.errors import DataError
from kit.metrics import Prediction
from kit.settings import DataConfig
from kit.task import Preparation
from tests.tasks.samples import prepared_synthetic

PSICOV = task.find("psicov")


def module(name: str) -> ModuleType:
    return discovery.load("tasks", PSICOV.folder, name)


def npy(*content: Any) -> bytes:
    packed, array = io.BytesIO(), np.empty(len(content), object)
    array[:] = content
    np.save(packed, array, allow_pickle=True)
    return packed.getvalue()


def write(folder: Path, *, features: Any = None, distance: bytes | None = None) -> Path:
    """One protein of ten residues, in the folders of the published archive."""
    made, distances = module("synthetic").protein("deepcov", 0)
    made = {
        name: value
        if name == "seq"
        else value[tuple(slice(10 if size > 22 else None) for size in value.shape)]
        for name, value in made.items()
    }
    made["seq"] = made["seq"][:10]
    for part, suffix in (("features", ".pkl"), ("distance", "-cb.npy")):
        (folder / part).mkdir(exist_ok=True)
        content = pickle.dumps({**made, **(features or {})})
        if part == "distance":
            content = distance or npy(10, made["seq"], distances[:10, :10])
        (folder / part / f"1abcA{suffix}").write_bytes(content)
    return folder


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepared_synthetic(PSICOV, tmp_path_factory)


def fold(smoke: Prepared, role: str, window: int = 128, **load: Any) -> Fold:
    config = DataConfig(window=window, load=load)
    return TaskData(PSICOV, smoke, torch.device("cpu")).fold(role, config)


def canvas(smoke: Prepared, number: int, side: int) -> tuple[Any, Any]:
    """The plain reading of the recipe: loops, one protein, no crop."""
    start, square = (smoke.array(f"{name}-offsets")[number] for name in ("x", "y"))
    length = int(smoke.array("length")[number])
    single = smoke.array("x")[start : start + length]
    maps = smoke.array("maps")[square : square + length**2].reshape(length, length, 3)
    x, y = np.zeros((57, side, side), "f4"), np.full((side, side), 100, "f4")
    inside = np.s_[5 : 5 + length]
    for feature in range(27):
        repeated = np.repeat(single[:, feature].reshape(1, length), length, axis=0)
        x[2 * feature, inside, inside] = repeated
        x[2 * feature + 1, inside, inside] = repeated.T
    x[54:, inside, inside] = maps.transpose(2, 0, 1)
    y[inside, inside] = smoke.array("y")[square : square + length**2].reshape(length, length)
    return x, y


def test_whole_maps_lie_at_the_top_left_of_the_canvas(smoke: Prepared) -> None:
    batch = fold(smoke, "test", canvas=96).samples
    assert batch.x.shape == (4, 57, 96, 96)
    for row, number in enumerate(smoke.fold("test")):
        x, y = canvas(smoke, number, 96)
        assert np.array_equal(batch.x[row], x)
        assert np.array_equal(batch.y[row, 0], y)
    assert batch.length is not None
    assert batch.mask is not None
    assert torch.equal(batch.mask.flatten(1).sum(1), batch.length**2)
    assert torch.equal(batch.mask, batch.y < 100)
    assert fold(smoke, "test", canvas=0).input_shape == (57, 80, 80)
    with pytest.raises(DataError, match=r"residues does not fit on data\.load\.canvas = 48; "):
        fold(smoke, "test", canvas=48)


def test_small_maps_are_padded_and_clipped_in_training(smoke: Prepared) -> None:
    batch = fold(smoke, "tune_fit").first(2)
    x, y = canvas(smoke, smoke.fold("train")[0], 128)
    assert np.array_equal(batch.x[0], x)
    assert np.array_equal(batch.y[0, 0], y.clip(max=16))
    assert batch.mask is None
    assert fold(smoke, "tune_fit", clip=9.0).first(2).y.max() == 9


def test_large_maps_are_cropped_at_random_rows_and_columns(smoke: Prepared) -> None:
    training = fold(smoke, "tune_fit", window=32)
    torch.manual_seed(1)
    seen = set()
    for _ in range(20):
        batch = training.first(1)
        length = int(smoke.array("length")[smoke.fold("train")[0]])
        x, y = canvas(smoke, smoke.fold("train")[0], length + 10)
        places = [
            (row, column)
            for row in range(length + 10 - 31)
            for column in range(length + 10 - 31)
            if np.array_equal(batch.x[0, 54], x[54, row : row + 32, column : column + 32])
        ]
        ((row, column),) = places
        part = np.s_[row : row + 32, column : column + 32]
        assert np.array_equal(batch.x[0], x[(slice(None), *part)])
        assert np.array_equal(batch.y[0, 0], y[part].clip(max=16))
        seen.add((row, column))
    assert len(seen) > 10
    assert any(row != column for row, column in seen)


def test_metric_reads_the_canvas_as_it_is_meant(smoke: Prepared) -> None:
    batch = fold(smoke, "test", canvas=0).samples
    evaluator = metrics.evaluator("mae8", PSICOV)
    evaluator.update(Prediction(batch.y + 0.5, "field"), batch)
    errors = []
    for number in smoke.fold("test"):
        length, start = smoke.array("length")[number], smoke.array("y-offsets")[number]
        truth = smoke.array("y")[start : start + length**2].reshape(length, length)
        apart = np.subtract.outer(np.arange(length), np.arange(length)) <= -24
        errors.append((apart & (truth <= 8)).sum())
    assert min(errors) > 0, "synthetic proteins touch far along the sequence"
    assert evaluator.compute()["mae8"].value == pytest.approx(0.5, abs=1e-5)


def test_distances_are_cleaned_up_as_released() -> None:
    distances = np.array([[0, 4, 9, 7], [4.5, 0, 0.2, 6], [8, 3, 0, 5], [7, 6, 2, 0]], "f4")
    wanted = np.array([[4, 4, 9, 7], [4.5, 2.75, 1, 6], [8, 3, 4, 5], [7, 6, 2, 2]], "f4")
    assert np.array_equal(module("proteins").clean(distances), wanted)


def test_first_proteins_of_deepcov_validate(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module("synthetic").write_archive(tmp_path / "protein.zip", 5, 2)
    monkeypatch.setattr(module("prepare"), "VALIDATION", 2)
    job = Preparation(
        tier="published",
        raw=tmp_path,
        samples={},
        workers=1,
        scratch=tmp_path,
        progress=lambda *_: None,
    )
    contents = module("prepare").prepare(job)
    folds = {name: fold.tolist() for name, fold in contents.folds.items()}
    assert folds == {"train": [2, 3, 4], "val": [0, 1], "test": [5, 6]}
    assert contents.arrays["length"].tolist() == np.diff(contents.arrays["x-offsets"]).tolist()
    features, _ = module("synthetic").protein("deepcov", 1)
    start, end = contents.arrays["x-offsets"][1:3]
    assert np.array_equal(contents.arrays["x"][start:end, 3:25], features["pssm"])
    monkeypatch.setattr(module("prepare"), "VALIDATION", 5)
    with pytest.raises(DataError, match=r"deepcov\.lst: 5 proteins leave none to train on"):
        module("prepare").prepare(job)
    for part in ("deepcov", "psicov"):
        (tmp_path / "protein" / "protein" / f"{part}.lst").write_text("deepcov0001\n")
    with pytest.raises(DataError, match=r"deepcov0001 is in both deepcov\.lst and psicov\.lst"):
        module("prepare").prepare(job)
    with zipfile.ZipFile(tmp_path / "protein.zip", "a") as archive:
        archive.writestr("protein/../../x", b"")
    (tmp_path / "fresh").mkdir()
    object.__setattr__(job, "scratch", tmp_path / "fresh")
    with pytest.raises(DataError, match="leads out of the folder"):
        module("prepare").prepare(job)
    (tmp_path / "protein.zip").write_bytes((tmp_path / "protein.zip").read_bytes()[:9999])
    with pytest.raises(DataError, match=r"protein\.zip"):
        module("prepare").prepare(job)


def test_lists_name_each_protein_once(tmp_path: Path) -> None:
    read, file = module("proteins").read_list, tmp_path / "deepcov.lst"
    with pytest.raises(DataError, match=r"there is no list deepcov\.lst"):
        read(file)
    for content, message in (
        ("", "empty"),
        ("1abcA\n1abcA 9\n", "twice"),
        ("../../x\n", r"'\.\./\.\./x' is no identifier"),
    ):
        file.write_text(content)
        with pytest.raises(DataError, match=message):
            read(file)
    file.write_text("1abcA 120\n2xyzB\n")
    assert read(file) == ["1abcA", "2xyzB"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"features": {"seq": None}}, r"1abcA\.pkl: not a dictionary with a sequence"),
        ({"features": {"seq": ""}}, r"1abcA\.pkl: seq has 0 residues"),
        (
            {"features": {"sa": np.zeros(9)}},
            r"1abcA\.pkl: sa is float64 \(9,\), not numbers \(10,\)",
        ),
        (
            {"features": {"ss": np.zeros((10, 3))}},
            r"ss is float64 \(10, 3\), not numbers \(3, 10\)",
        ),
        ({"features": {"ccmpred": None}}, r"1abcA\.pkl: ccmpred is a NoneType, not a number"),
        ({"features": {"entropy": np.full(10, np.nan)}}, "entropy holds values that are not"),
        ({"features": {"seq": len}}, r"1abcA\.pkl: the pickle asks for"),
        ({"distance": npy(10, "A")}, r"1abcA-cb\.npy: shape \(2,\), not \(length, sequence"),
        ({"distance": npy(9, "A", 1)}, r"length is 9, but the features have 10 residues"),
        (
            {"distance": npy(10, "A", np.zeros((9, 10)))},
            r"distances is float64 \(9, 10\), not numbers \(10, 10\)",
        ),
        ({"distance": npy(10, "A", np.full((10, 10), 501.0))}, "distances reach 501, beyond 500"),
        ({"distance": npy(10, "A", np.full((10, 10), np.nan))}, "values that are not finite"),
        ({"distance": npy(10, "A", len)}, r"1abcA-cb\.npy: the pickle asks for"),
        ({"distance": b"\x93NUMPY cut"}, r"1abcA-cb\.npy: not a whole \.npy file"),
    ],
)
def test_wrong_proteins_are_told_by_file_and_field(
    tmp_path: Path, change: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message) as told:
        module("proteins").read_protein(write(tmp_path, **change), "1abcA")
    assert "\n" not in str(told.value)


def test_a_missing_protein_is_named(tmp_path: Path) -> None:
    found = module("proteins").read_protein(write(tmp_path), "1abcA")
    assert found.residues.shape == (10, 27)
    with pytest.raises(DataError, match=r"2xyzB\.pkl: no such file"):
        module("proteins").read_protein(tmp_path, "2xyzB")
