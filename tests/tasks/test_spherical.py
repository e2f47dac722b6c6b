from __future__ import annotations

import gzip
import pickle
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

WHEEL = "foolbox-3.3.4-py3-none-any.whl"
COUNTS = {"train": 4, "val": 2, "test": 3}


def module(name: str) -> ModuleType:
    return discovery.load("tasks", task.find("spherical").folder, name)


def part(count: int) -> dict[str, np.ndarray[Any, Any]]:
    random = np.random.default_rng(count)
    images = random.integers(0, 256, (count, 3, 60, 60)).astype(np.uint8)
    return {"images": images, "labels": random.integers(0, 100, count)}


def write(file: Path, content: Any) -> Path:
    with gzip.open(file, "wb") as stream:
        pickle.dump(content, stream)
    return file


def test_published_spheres_become_folds_by_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module("prepare"), "COUNT", COUNTS)
    spherical, train, test = task.find("spherical"), part(6), part(3)
    taking.import_files(
        spherical, [write(tmp_path / "s2_cifar100.gz", {"train": train, "test": test})]
    )
    preparing.prepare(spherical, "published", "paper")
    data = open_prepared(spherical, "published", "paper")
    assert np.array_equal(data.array("x")[data.fold("test")], test["images"])
    assert data.array("y")[data.fold("val")].tolist() == train["labels"][4:].tolist()


def test_wrong_files_are_told_by_file_and_field(tmp_path: Path) -> None:
    file, good, read = tmp_path / "s2_cifar100.gz", part(3), module("raw").read
    images, labels = good["images"], good["labels"]
    wrong: list[tuple[Any, str]] = [
        ([], "not a dictionary but a list"),
        ({"train": good}, "there is no field 'test'"),
        ({"test": {"images": images}}, "test: there is no field 'labels'"),
        ({"test": good | {"images": images.astype(float)}}, "test: images is float64"),
        ({"test": good | {"images": images[:, :1]}}, r"test: images is uint8 \(3, 1, 60, 60\)"),
        (
            {"test": good | {"labels": labels[:2]}},
            r"test: labels is int64 \(2,\), not numbers \(3,\)",
        ),
        ({"test": good | {"labels": labels + 100}}, r"test: labels holds values outside 0\.\.99"),
        (
            {"test": good | {"labels": labels * np.nan}},
            "test: labels holds values that are not finite",
        ),
        ({"test": Path("x")}, "the pickle asks for 'pathlib"),
    ]
    for content, message in wrong:
        with pytest.raises(DataError, match=rf"s2_cifar100\.gz: {message}"):
            read(write(file, content), {"test": 3})
    write(file, {"test": good})
    file.write_bytes(file.read_bytes()[:-1000])
    with pytest.raises(DataError, match=r"s2_cifar100\.gz: not a whole pickle"):
        read(file, {"test": 3})


def test_rotations_are_rotations_and_uniform() -> None:
    rotation, random = module("projection").rotation, np.random.default_rng(0)
    turns = np.stack([rotation(random) for _ in range(4000)])
    assert np.allclose(turns @ turns.transpose(0, 2, 1), np.eye(3), atol=1e-12)
    assert np.allclose(np.linalg.det(turns), 1)
    # Every entry of a uniformly random rotation has mean 0 and variance 1/3.
    assert np.abs(turns.mean(axis=0)).max() < 0.04
    assert np.abs((turns**2).mean(axis=0) - 1 / 3).max() < 0.03


def test_the_grid_is_that_of_driscoll_and_healy() -> None:
    points = module("projection").grid(30)
    assert points.shape == (3, 60, 60)
    assert np.allclose(points[:, 0], [[0], [0], [1]])
    assert np.allclose(points[:, 30, 0], [1, 0, 0])
    assert np.allclose(points[:, 30, 15], [0, 1, 0])


def test_rays_meet_the_plane_where_geometry_says() -> None:
    """Stereographic projection doubles the tangent of half the angle from the south pole."""
    places = module("projection").places
    angles = np.linspace(0, 2.5, 20)
    row, column = places(np.stack([np.sin(angles), 0 * angles, -np.cos(angles)]))
    assert np.allclose(3 * row - 1.5, 2 * np.tan(angles / 2), rtol=0.005)
    assert np.allclose(column, 0.5)


def test_interpolation_agrees_with_a_loop() -> None:
    projection, random = module("projection"), np.random.default_rng(1)
    image = random.random((32, 32))
    points = np.einsum("ij,jab->iab", projection.rotation(random), projection.grid(6))
    rows, columns = (place.ravel() * 32 for place in projection.places(points))
    expected = []
    for row, column in zip(rows, columns, strict=True):
        i, j, value = int(row), int(column), 0.0
        for a, weight in ((i - 1, i + 1 - row), (i + 1, row - i + 1)):
            for b, other in ((j - 1, j + 1 - column), (j + 1, column - j + 1)):
                if 0 <= a < 32 and 0 <= b < 32:
                    value += weight * other * image[a, b]
        expected.append(value)
    assert np.allclose(projection.interpolation(points, 32) @ image.ravel(), expected)


def test_images_are_stretched_as_a_whole() -> None:
    project = module("projection").project
    images = np.full((2, 3, 32, 32), 7, np.uint8)
    images[0, 1] = 100
    spheres = project(images, np.eye(3))
    assert spheres.shape == (2, 3, 60, 60)
    assert (spheres[0, 1].max(), spheres[0, 1].min()) == (255, 0)
    assert 0 < spheres[0, 0].max() < 30
    assert not project(0 * images, np.eye(3)).any()


def test_a_regenerated_sphere_does_not_depend_on_the_others(
    monkeypatch: pytest.MonkeyPatch, home: Path
) -> None:
    counts = {"train": 7, "val": 3, "test": 4}
    monkeypatch.setattr(module("prepare"), "COUNT", counts)
    monkeypatch.setattr(module("prepare"), "CHUNK", 4)
    spherical = task.find("spherical")
    folder = home / "data" / "raw" / "spherical"
    folder.mkdir(parents=True)
    made = discovery.load("tasks", task.find("cifar-100").folder, "synthetic")
    made.write(folder / "cifar-100-python.tar.gz", counts, 0)
    preparing.prepare(spherical, "regenerated", "paper")
    whole = open_prepared(spherical, "regenerated", "paper")
    x, y = np.asarray(whole.array("x")), np.asarray(whole.array("y"))
    some = {"train": 2, "val": 1, "test": 2}
    monkeypatch.setattr(type(spherical), "samples", lambda *_: some)
    monkeypatch.setenv("KIT_DATA", str(home / "other"))
    (home / "other" / "raw").mkdir(parents=True)
    folder.rename(home / "other" / "raw" / "spherical")
    preparing.prepare(spherical, "regenerated", "smoke")
    few = open_prepared(spherical, "regenerated", "smoke")
    assert np.array_equal(few.array("x"), x[[0, 1, 7, 10, 11]])
    assert np.array_equal(few.array("y"), y[[0, 1, 7, 10, 11]])


def test_synthetic_spheres_pass_through_the_published_format() -> None:
    spherical = task.find("spherical")
    preparing.prepare(spherical, "synthetic", "smoke")
    data = open_prepared(spherical, "synthetic", "smoke")
    assert data.array("x").shape == (56, 3, 60, 60)
    assert data.array("x").max() == 255
    assert len(data.fold("test")) == 16


def test_real_images_projected() -> None:
    data = prepared_sample("spherical")
    assert data.array("x").shape == (20, 3, 60, 60)
    assert data.array("y")[:5].tolist() == [49, 33, 72, 51, 71]
