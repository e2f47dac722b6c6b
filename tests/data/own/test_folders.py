"""Folders of images as people have them: links, what systems leave behind, folds as folders."""

from __future__ import annotations

import re
import struct
import zlib
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from kit import task
from kit.data.new_task import create, read
from kit.data.own import files
from kit.data.own.reading import Ask, Reading
from kit.errors import KitError
from kit.export import inputs
from kit.settings import DataConfig

RANDOM = np.random.default_rng(0)


def picture(file: Path) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(RANDOM.integers(0, 255, (4, 6)).astype("u1")).save(file)


def classes(root: Path, names: tuple[str, ...] = ("cat", "dog")) -> Path:
    for name in names:
        for number in range(6):
            picture(root / name / f"{number}.png")
    return root


def test_a_class_whose_folder_is_a_link_is_one(tmp_path: Path) -> None:
    root, other = classes(tmp_path / "images"), classes(tmp_path / "other", ("bird",))
    (root / "bird").symlink_to(other / "bird")
    assert read(root).answers.names == ("bird", "cat", "dog")
    (tmp_path / "linked").symlink_to(root)
    assert read(tmp_path / "linked").answers.names == ("bird", "cat", "dog")


def test_links_that_lead_nowhere_or_round_are_told(tmp_path: Path) -> None:
    root = classes(tmp_path / "images")
    (root / "cat" / "gone.png").symlink_to(tmp_path / "moved.png")
    with pytest.raises(KitError, match=r"gone.png leads to .*moved.png, which is not there"):
        read(root)
    (root / "cat" / "gone.png").unlink()
    (root / "cat" / "round").symlink_to(root)
    with pytest.raises(KitError, match=r"cat/round leads to .*images, in which it lies"):
        read(root)
    (root / "cat" / "round").unlink()
    (root / "cat" / "6.png").symlink_to("/dev/null")
    with pytest.raises(KitError, match=r"cat/6.png: a device, not a file"):
        read(root)


def test_what_systems_leave_behind_is_no_class(tmp_path: Path) -> None:
    root = classes(tmp_path / ".cache" / "images", ("cat", "dog", ".ipynb_checkpoints"))
    classes(root / "__MACOSX")
    assert read(root).answers.names == ("cat", "dog")


@pytest.mark.parametrize("names", [("train", "val", "test"), ("Training", "dev", "Testing")])
def test_folds_as_folders(names: tuple[str, ...], tmp_path: Path) -> None:
    for name in names:
        classes(tmp_path / name)
    own = read(tmp_path)
    assert own.answers.names == ("cat", "dog")
    assert np.bincount(own.split).tolist() == [12, 12, 12]


def test_folds_without_a_test_are_not_classes(tmp_path: Path) -> None:
    for name in ("train", "val"):
        classes(tmp_path / name)
    words = f"{tmp_path}: train and val are folds, not classes; there must be train and test"
    with pytest.raises(KitError, match=re.escape(words)):
        read(tmp_path)


@pytest.mark.parametrize(
    ("rows", "words"),
    [
        ("0,cat\n1,dog\n", "of the files that column 'image' names, 2 are not there, such as"),
        ("007,cat\n008,dog\n", "2 are not there, such as .*/007"),
        ("cat/0.png,cat\n,dog\n", "column 'image' lacks 1 value"),
    ],
)
def test_files_that_a_table_names_in_vain(rows: str, words: str, tmp_path: Path) -> None:
    root = classes(tmp_path / "images")
    (tmp_path / "labels.csv").write_text(f"image,label\n{rows}")
    with pytest.raises(KitError, match=words):
        read([str(root), str(tmp_path / "labels.csv")])


def test_an_option_goes_before_the_split_of_a_table(tmp_path: Path) -> None:
    root = classes(tmp_path / "images")
    rows = [
        f"{c}/{at}.png,{c},{at},{'train' if at < 3 else 'test'}"
        for c in ("cat", "dog")
        for at in range(6)
    ]
    (tmp_path / "labels.csv").write_text("\n".join(["file,label,group,split", *rows]))
    given = [str(root), str(tmp_path / "labels.csv")]
    assert "given" in read(given).card[2]
    assert "by group" in read(given, Ask(group="group")).card[2]


def test_files_of_a_table_by_whole_paths_and_by_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    root, other = classes(tmp_path / "images"), classes(tmp_path / "other", ("bird",))
    (root / "bird.png").symlink_to(other / "bird" / "0.png")
    names = [f"{each}/{number}.png" for each in ("cat", "dog") for number in range(5)]
    given = ["bird.png", *(f"{root}/{each}" for each in names[:5]), "../images/cat/5.png"]
    rows = [f"{each},{row % 2}" for row, each in enumerate([*given, *names[5:]])]
    (tmp_path / "labels.csv").write_text("\n".join(["image,label", *rows]))
    for folder in ("images", str(root)):
        found = files.read([folder, "labels.csv"], Ask())
        assert found.ids == ["bird.png", *names[:5], "cat/5.png", *names[5:]]
    (tmp_path / "labels.csv").write_text(
        f"image,label\n{other}/bird/1.png,0\n../other/bird/1.png,1"
    )
    with pytest.raises(KitError, match="2 are not there"):
        files.read(["images", "labels.csv"], Ask())


def test_names_of_samples_are_a_column(tmp_path: Path) -> None:
    with pytest.raises(KitError, match="--id needs a table of labels beside it"):
        read(classes(tmp_path), Ask(reading=Reading(identity="file")))


@pytest.mark.parametrize(("orientation", "sides"), [(0, (4, 6)), (6, (6, 4)), (9, (4, 6))])
def test_images_are_turned_by_orientations_that_there_are(
    orientation: int, sides: tuple[int, int], tmp_path: Path
) -> None:
    """Any other is none: without a turn, other sides would squeeze the image."""
    root = classes(tmp_path)
    for file in root.glob("*/*.png"):
        with Image.open(file) as image:
            tags = image.getexif()
            tags[0x0112] = orientation
            image.save(file, exif=tags)
    own = read(root)
    assert own.x.shape[2:] == sides
    assert not any("brought to" in line for line in own.card)


def test_what_is_lost_of_colours_is_told(tmp_path: Path) -> None:
    """Pillow reads colours of 16 bits as 8, and palettes may have a transparent colour."""
    root = classes(tmp_path)
    palette = Image.fromarray(RANDOM.integers(0, 255, (4, 6, 3)).astype("u1")).quantize(4)
    palette.save(root / "cat" / "0.png", transparency=0)
    lines = b"".join(b"\0" + RANDOM.bytes(6 * 3 * 2) for _ in range(4))
    parts = {b"IHDR": struct.pack(">IIBBBBB", 6, 4, 16, 2, 0, 0, 0), b"IDAT": zlib.compress(lines)}
    png = b"\x89PNG\r\n\x1a\n"
    for name, part in {**parts, b"IEND": b""}.items():
        checksum = zlib.crc32(name + part)
        png += struct.pack(">I", len(part)) + name + part + struct.pack(">I", checksum)
    (root / "dog" / "0.png").write_bytes(png)
    card = read(root).card
    assert "note     transparency is left out" in card
    assert "note     1 image of 16 bits per channel: the upper 8 are taken" in card


def test_new_images_of_other_bits_are_not_predicted(tmp_path: Path) -> None:
    """White is 255 in the ones and 65535 in the others: a model of one kind misreads the other."""
    for kind, scale in (("u1", 1), ("u2", 257)):
        for number in range(12):
            file = tmp_path / kind / "ab"[number % 2] / f"{number}.png"
            file.parent.mkdir(parents=True, exist_ok=True)
            Image.fromarray((RANDOM.integers(0, 255, (4, 6)) * scale).astype(kind)).save(file)
    for made, given, words in (
        ("u1", "u2", r"has images of more than 8 bits per channel \(I;16\), but .* images of 8;"),
        ("u2", "u1", r"has images of 8 bits per channel \(L\), but .* from images of more than 8;"),
    ):
        ask = Ask(reading=read(tmp_path / made).reading, answers=False)
        assert len(files.read([str(tmp_path / made)], ask).x) == 12
        with pytest.raises(KitError, match=words):
            files.read([str(tmp_path / given)], ask)


def test_images_of_fractions_are_not_mixed_with_those_of_whole_numbers(tmp_path: Path) -> None:
    for number in range(12):
        file = tmp_path / "ab"[number % 2] / f"{number}.tif"
        file.parent.mkdir(exist_ok=True)
        values = RANDOM.integers(0, 65535, (4, 6)).astype("u2")
        Image.fromarray(values if number % 3 else (values / 65535).astype("f4")).save(file)
    with pytest.raises(KitError, match="has images of F and I;16; convert them to one kind"):
        read(tmp_path)


def test_what_is_done_to_new_inputs_is_told(tmp_path: Path) -> None:
    made = create("mine", classes(tmp_path / "images"), tmp_path / "tasks")
    mine = replace(task.find("darcy-flow"), folder=made, sample_shape=(1, 4, 6))
    Image.fromarray(np.zeros((40, 60), "u1")).save(tmp_path / "images" / "large.png")
    told: list[str] = []
    x, _ = inputs.read([str(tmp_path / "images")], mine, DataConfig(), told.append)
    assert x.shape == (13, 1, 4, 6)
    assert told == ["note: 1 image brought to 4 x 6"]
    told.clear()
    Image.fromarray(np.zeros((4, 6, 4), "u1")).save(tmp_path / "images" / "large.png")
    inputs.read([str(tmp_path / "images")], mine, DataConfig(), told.append)
    assert told == [
        "note: images of 12 L, 1 RGBA, taken as L",
        "note: transparency is left out",
    ]
