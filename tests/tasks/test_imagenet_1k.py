from __future__ import annotations

import io
import tarfile
from itertools import pairwise
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

from kit import discovery, task
from kit.data import preparing, raw
from kit.data.folds import Fold, TaskData
from kit.data.prepared import open_prepared
from kit.errors import DataError
from kit.settings import DataConfig, convert, merge

TASK = task.find("imagenet-1k")


def module(name: str) -> ModuleType:
    return discovery.load("tasks", TASK.folder, name)


def jpeg(colour: tuple[int, int, int], size: tuple[int, int] = (9, 8)) -> bytes:
    stream = io.BytesIO()
    Image.new("RGB", size, colour).save(stream, "JPEG", quality=95)
    return stream.getvalue()


def folders(root: Path, names: list[str], images: int) -> None:
    for name in names:
        for number in range(images):
            file = root / name / f"{name}_{number}.JPEG"
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(jpeg((10 * number, 0, 0)))


def shard(file: Path, members: dict[str, bytes]) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    with tarfile.open(file, "w") as archive:
        for name, content in members.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))


def fold(role: str, tier: Any = "synthetic", profile: Any = "smoke", **changes: Any) -> Fold:
    prepared = open_prepared(TASK, tier, profile)
    config = convert(merge(merge(TASK.rules, TASK.reduced[profile]), changes), DataConfig, "config")
    return TaskData(TASK, prepared, torch.device("cpu")).fold(role, config)


def test_class_folders_and_shards_give_the_same_index() -> None:
    """The same pictures, once as files and once in a shard: same bytes, same classes."""
    raw_folder = raw.folder_of(TASK)
    names = [f"n{number:08d}" for number in range(1000)]
    folders(raw_folder / "train", names, 1)
    folders(raw_folder / "val", names[:3], 2)
    preparing.prepare(TASK, "published", "paper")
    first = open_prepared(TASK, "published", "paper")
    assert [len(first.fold(name)) for name in ("train", "val", "test")] == [990, 10, 6]
    offsets, letters = first.array("x-offsets"), first.array("x")
    addresses = [letters[a:b].tobytes() for a, b in pairwise(offsets)]
    assert addresses[-1] == b"val/n00000002/n00000002_1.JPEG"
    labels = np.array(first.array("y"))
    read = module("index").read
    assert labels[-6:].tolist() == [0, 0, 1, 1, 2, 2]
    assert sorted(labels[:1000].tolist()) == list(range(1000))
    assert (np.diff(labels[:1000]) < 0).any(), "in an order at random"

    members: dict[str, bytes] = {}
    for number, name in enumerate(names):
        file = raw_folder / "train" / name / f"{name}_0.JPEG"
        members |= {f"{name}.jpg": file.read_bytes(), f"{name}.cls": str(number).encode()}
    again = raw_folder.with_name("again")
    halves = list(members.items())
    shard(again / "train" / "0000.tar", dict(halves[:1000]))
    shard(again / "train" / "0001.tar", dict(halves[1000:]))
    found = module("index").images(again, "train", lambda _: None)
    assert module("index").labels(found, []) == list(range(1000))
    for number in (0, 499, 500, 999):
        content = read(again, found[number].address.encode())
        assert content == (raw_folder / "train" / names[number]).glob("*").__next__().read_bytes()


def test_what_is_wrong_with_a_copy_is_told(tmp_path: Path) -> None:
    index = module("index")
    (tmp_path / "train").mkdir()
    with pytest.raises(DataError, match="neither class folders of images nor shards"):
        index.images(tmp_path, "train", lambda _: None)
    folders(tmp_path / "train", ["a", "b"], 1)
    found = index.images(tmp_path, "train", lambda _: None)
    with pytest.raises(DataError, match="has 2 classes, not 1000"):
        index.labels(found, [])
    shard(tmp_path / "shards" / "0.tar", {"a.jpg": jpeg((0, 0, 0))})
    with pytest.raises(DataError, match=r"a has no class: no member a\.cls"):
        index.images(tmp_path, "shards", lambda _: None)
    with pytest.raises(DataError, match=r"No such file.*prepare imagenet-1k"):
        index.read(tmp_path, b"train/gone.JPEG")
    with pytest.raises(DataError, match="shorter than it was"):
        index.read(tmp_path, b"shards/0.tar:512:999999")


def test_a_picture_that_is_gone_or_broken_is_named() -> None:
    preparing.prepare(TASK, "synthetic", "smoke")
    the_fold = fold("test")
    (file, *_) = sorted(raw.folder_of(TASK).glob("synthetic-*/val/c0000/*.JPEG"))
    file.write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"val/c0000/000000\.JPEG: cannot identify"):
        the_fold.first(1)


def test_evaluation_shows_the_middle_and_training_a_part() -> None:
    preparing.prepare(TASK, "synthetic", "smoke")
    test, train = fold("test"), fold("final_fit")
    assert test.first(3).x.shape == (3, 3, 32, 32)
    (file, *_) = sorted(raw.folder_of(TASK).glob("synthetic-*/val/c0000/*.JPEG"))
    picture = Image.open(file)
    # Torch's own antialiased resize, of the whole picture, then the middle.
    pixels = torch.from_numpy(np.array(picture)).movedim(-1, 0)[None].float()
    short, target = min(picture.size), 32 * 256 / 224
    sizes = [round(side * target / short) for side in pixels.shape[2:]]
    whole = torch.nn.functional.interpolate(pixels, sizes, mode="bilinear", antialias=True)
    top, left = ((side - 32) / 2 for side in whole.shape[2:])
    middle = whole[..., round(top) : round(top) + 32, round(left) : round(left) + 32]
    raw_batch = test.loader.gather(test.addresses[:1], False)
    assert raw_batch.x.dtype == torch.uint8
    assert float((raw_batch.x.float() - middle).abs().mean()) < 12
    means = raw_batch.x.float().mean((0, 2, 3)) - middle.mean((0, 2, 3))
    assert float(means.abs().max()) < 3
    constants = (torch.tensor(TASK.rules[name]).reshape(3, 1, 1) for name in ("mean", "std"))
    mean, std = constants
    assert torch.allclose(test.first(1).x, (raw_batch.x.float() - mean) / std, atol=1e-5)
    torch.manual_seed(0)
    one, other = (train.loader.gather(train.addresses[:1], True).x for _ in range(2))
    assert not torch.equal(one, other)


def test_batches_by_worker_processes_depend_on_the_seed_alone() -> None:
    preparing.prepare(TASK, "synthetic", "smoke")
    the_fold = fold("search")
    assert the_fold.host is not None

    def epoch(number: int) -> torch.Tensor:
        return torch.cat([batch.x for batch in the_fold.shuffled(5, 0, "search", number)])

    first = epoch(0)
    torch.rand(3)
    assert torch.equal(first, epoch(0))
    assert not torch.equal(first, epoch(1))


def test_parts_of_pictures_are_within_and_as_large_as_they_should_be() -> None:
    part = module("load").part
    random = np.random.default_rng(0)
    shares, ratios = [], []
    for _ in range(2000):
        left, top, right, bottom = part(120, 90, random.random(23).tolist())
        assert 0 <= left < right <= 120 + 1e-9
        assert 0 <= top < bottom <= 90 + 1e-9
        shares.append((right - left) * (bottom - top) / (120 * 90))
        ratios.append((right - left) / (bottom - top))
    assert min(shares) >= 0.08
    assert max(shares) > 0.95
    assert 3 / 4 - 1e-9 <= min(ratios) < 0.8
    assert 1.25 < max(ratios) <= 4 / 3 + 1e-9
    assert part(300, 10, [1.0] * 23) == pytest.approx((143.3333, 0, 156.6667, 10), abs=1e-3)
