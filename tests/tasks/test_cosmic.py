from __future__ import annotations

import io
import tarfile
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch

from kit import discovery, task
from kit.data.folds import TaskData
from kit.data.prepared import Prepared
from kit.errors import DataError, KitError
from kit.settings import DataConfig
from kit.task import Contents, Preparation
from tests.tasks.samples import prepared_synthetic

COSMIC = task.find("cosmic")
GALAXIES, CLUSTER = "npy_train/f435w/10760/2", "npy_train/f435w/9442/1"


def module(name: str) -> ModuleType:
    return discovery.load("tasks", COSMIC.folder, name)


def stamp(number: int, planes: int = 3) -> np.ndarray[Any, Any]:
    random = np.random.default_rng(number)
    masks = random.random((planes - 1, 256, 256)) < 0.1
    return np.concatenate([random.normal(50, 9, (1, 256, 256)), masks]).astype("f4")


def write(file: Path, members: dict[str, Any]) -> Path:
    with tarfile.open(file, "w") as archive:
        for name, content in members.items():
            data = io.BytesIO()
            if isinstance(content, bytes):
                data.write(content)
            else:
                np.save(data, content, allow_pickle=True)
            entry = tarfile.TarInfo(name)
            entry.size = data.tell()
            data.seek(0)
            archive.addfile(entry, data)
    return file


def prepare(folder: Path, train: dict[str, Any]) -> Contents:
    write(folder / COSMIC.sources[0].file, train)
    write(folder / COSMIC.sources[1].file, {"npy_test/f435w/10760/4/1_0.npy": stamp(99)})
    job = Preparation(
        tier="published",
        raw=folder,
        samples={},
        workers=1,
        scratch=folder,
        progress=lambda *_: None,
    )
    contents: Contents = module("prepare").prepare(job)
    return contents


@pytest.fixture(scope="module")
def smoke(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    return prepared_synthetic(COSMIC, tmp_path_factory)


def fold(smoke: Prepared, role: str, **load: Any) -> Any:
    return TaskData(COSMIC, smoke, torch.device("cpu")).fold(role, DataConfig(load=load))


def test_stamps_are_chosen_cropped_and_sorted(tmp_path: Path) -> None:
    contents = prepare(
        tmp_path,
        {
            f"data/{GALAXIES}/2_7.npy": stamp(1),
            f"data/{GALAXIES}/sky.npy": np.array([10.0, 20.0, 30.0]),
            f"data/{GALAXIES}/1_3.npy": stamp(2, planes=2),
            f"data/{GALAXIES}/._1_3.npy": b"left by a file manager",
            f"data/{CLUSTER}/1_0.npy": stamp(3),
            f"data/{GALAXIES.replace('f435w', 'f606w')}/1_0.npy": stamp(4),
            "data/npy_train/f435w/10182/pb/1_1.npy": stamp(5),
        },
    )
    arrays = contents.arrays
    for row, number in enumerate((5, 2, 1, 99)):
        crop = stamp(number, planes=2 if number == 2 else 3)[:, 64:192, 64:192]
        assert np.array_equal(arrays["x"][row, 0], crop[0])
        assert np.array_equal(arrays["y"][row, 0], crop[1])
        ignored = crop[2] if number != 2 else np.zeros_like(crop[0])
        assert np.array_equal(arrays["mask"][row, 0], ignored == 0)
    assert arrays["sky"].tolist() == [0, 10, 20, 0]
    assert {name: fold.tolist() for name, fold in contents.folds.items()} == {
        "train": [0, 1],
        "val": [2],
        "test": [3],
    }
    assert contents.origin["visits"] == {"10182_pb": 1, "10760_2": 2, "10760_4": 1}
    kinds = {name: array.dtype.str for name, array in arrays.items()}
    assert kinds == {"x": "<f4", "y": "|u1", "mask": "|b1", "sky": "<f4", "unit_id": "<i8"}


def test_the_user_may_choose_the_visits(tmp_path: Path) -> None:
    (tmp_path / "visits.txt").write_text("9442_1\n10760_4\n")
    members = {f"{GALAXIES}/1_0.npy": stamp(1), f"{CLUSTER}/1_0.npy": stamp(3)}
    contents = prepare(tmp_path, members)
    assert contents.origin["choice"] == "visits.txt"
    assert contents.origin["visits"] == {"9442_1": 1, "10760_4": 1}
    (tmp_path / "visits.txt").write_text("../etc\n")
    with pytest.raises(DataError, match=r"visits\.txt: '\.\./etc' is not '<proposal>_<visit>'"):
        prepare(tmp_path, members)


def test_published_sizes_of_the_folds() -> None:
    assert len(module("visits").RESOLVED_GALAXIES) == 27
    assert int(4830 * 0.9) == 4347


@pytest.mark.parametrize(
    ("members", "message"),
    [
        ({f"{CLUSTER}/1_0.npy": stamp(1)}, "no stamp of filter f435w and the chosen visits"),
        ({f"{GALAXIES}/1_0.npy": stamp(1)[:1]}, r"10760/2/1_0\.npy: shape \(1, 256, 256\), not"),
        ({f"{GALAXIES}/1_0.npy": stamp(1)[:, :200]}, r"shape \(3, 200, 256\), not"),
        ({f"{GALAXIES}/1_0.npy": stamp(1) + 1}, "cosmic-ray mask holds values other than 0 and 1"),
        ({f"{GALAXIES}/1_0.npy": stamp(1) * np.nan}, "holds values that are not finite"),
        ({f"{GALAXIES}/1_0.npy": np.array(["a"])}, "is <U1 .*, not numbers"),
        ({f"{GALAXIES}/1_0.npy": np.array([len, 1])}, "not a whole .npy file"),
        ({f"{GALAXIES}/1_0.npy": b"\x93NUMPY cut"}, "not a whole .npy file"),
        ({f"{GALAXIES}/1_0.npy": b""}, "not a whole .npy file"),
        (
            {f"{GALAXIES}/3_0.npy": stamp(1), f"{GALAXIES}/sky.npy": np.ones(2)},
            r"10760/2/3_0\.npy names no exposure of the 2 in sky\.npy",
        ),
        (
            {f"{GALAXIES}/1_0.npy": stamp(1), f"{GALAXIES}/sky.npy": np.ones((2, 2))},
            r"sky\.npy: shape \(2, 2\), not one level per exposure",
        ),
        ({f"{GALAXIES}/../../x/1_0.npy": stamp(1)}, "leads out of the folder"),
    ],
)
def test_wrong_archives_are_told_by_file_and_field(
    tmp_path: Path, members: dict[str, Any], message: str
) -> None:
    with pytest.raises(DataError, match=message) as told:
        prepare(tmp_path, members)
    assert "deepCR.ACS-WFC.train.tar" in str(told.value)
    assert "\n" not in str(told.value)


def test_an_archive_that_is_cut_short_is_refused(tmp_path: Path) -> None:
    file = write(tmp_path / "a.tar", {f"{GALAXIES}/1_0.npy": stamp(1)})
    file.write_bytes(file.read_bytes()[:300_000])
    with pytest.raises(DataError, match=r"a\.tar"):
        module("stamps").read_stamps(file, frozenset(["10760_2"]), lambda *_: None)


def test_sky_is_altered_in_training_alone(smoke: Prepared) -> None:
    raw, train = smoke.array("x"), smoke.fold("train").copy()
    test = fold(smoke, "test").samples
    assert np.array_equal(test.x, raw[smoke.fold("test")])
    torch.manual_seed(0)
    one, two = (fold(smoke, "tune_fit").samples for _ in range(2))
    assert not torch.equal(one.x, two.x)
    never = fold(smoke, "tune_fit", sky="never").samples.x
    assert np.array_equal(never, raw[train])
    change = one.x - never
    assert change.flatten(1).std(1).max() < 1e-3, "one level for the whole stamp"
    drawn = change[:, 0, 0, 0] / torch.from_numpy(smoke.array("sky")[train])
    assert drawn.min() > -0.91
    assert drawn.max() < 3.01
    assert drawn.std() > 0.5
    assert torch.equal(one.y, two.y)


def test_the_released_code_alters_the_tested_sky_too(smoke: Prepared) -> None:
    one, two = (fold(smoke, "test", sky="always").samples.x for _ in range(2))
    assert torch.equal(one, two), "a test set is the same each time"
    assert not torch.equal(one, fold(smoke, "test").samples.x)
    with pytest.raises(KitError, match=r"data\.load\.sky = 'alway'; did you mean 'always'"):
        fold(smoke, "test", sky="alway").first(1)
    with pytest.raises(KitError, match=r"no setting 'data\.load\.clip'; there is sky"):
        fold(smoke, "test", clip=1)


def test_synthetic_rays_are_seen_and_ignored_pixels_are_marked(smoke: Prepared) -> None:
    x, y, mask = (smoke.array(name) for name in ("x", "y", "mask"))
    assert 0.002 < y.mean() < 0.05
    assert 0.9 < mask.mean() < 1
    assert np.median(x[y == 1]) > np.median(x[y == 0]) + 50
    strided = TaskData(COSMIC, smoke, torch.device("cpu")).fold("test", DataConfig(stride=4))
    batch = strided.first(2)
    assert batch.mask is not None
    assert batch.x.shape == batch.y.shape == batch.mask.shape == (2, 1, 32, 32)
