"""The index of a copy's images: each is a file in a class folder, or a range of a shard."""

from __future__ import annotations

import re
import tarfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from kit.errors import DataError

IMAGES = (".jpeg", ".jpg", ".png")
CLASSES = 1000
# The address of a range of a shard: path:offset:size, in bytes. No image file has such a name.
STRETCH = re.compile(rb"(.+\.tar):(\d+):(\d+)")


@dataclass(frozen=True)
class ImageFile:
    """One image: its address relative to the raw folder, and the name or number of its class."""

    address: str
    label: str


def images(root: Path, fold: str, progress: Callable[[int], None]) -> list[ImageFile]:
    """Return the images of a fold, from class folders or webdataset shards, sorted by name.

    Args:
        root: the folder that addresses are relative to.
        fold: the folder of the fold below it.
        progress: called with the number of images found so far.

    Raises:
        DataError: the folder has neither, or a shard is damaged.
    """
    folder = root / fold
    shards = sorted(folder.rglob("*.tar"))
    index: list[ImageFile] = []
    for shard in shards:
        index += _stretches(shard, shard.relative_to(root).as_posix())
        progress(len(index))
    if not shards:
        for group in sorted(each for each in folder.iterdir() if each.is_dir()):
            files = sorted(each for each in group.rglob("*") if each.suffix.lower() in IMAGES)
            index += [ImageFile(file.relative_to(root).as_posix(), group.name) for file in files]
            progress(len(index))
    if not index:
        raise DataError(f"{folder} holds neither class folders of images nor shards (*.tar)")
    return index


def labels(train: list[ImageFile], test: list[ImageFile]) -> list[int]:
    """Return the class number of each image, those of ``train`` first.

    If all labels are numbers, they are the class numbers; else classes are numbered in the order of
    their names.

    Raises:
        DataError: there are not 1,000 classes, or a test image is of another class.
    """
    names = sorted({image.label for image in train})
    if len(names) != CLASSES:
        raise DataError(f"imagenet-1k: train has {len(names)} classes, not {CLASSES}")
    if others := sorted({image.label for image in test} - set(names)):
        raise DataError(f"imagenet-1k: val has the class {others[0]!r}, which train has not")
    if all(name.isdecimal() for name in names):
        places = {name: int(name) for name in names}
        if set(places.values()) != set(range(CLASSES)):
            raise DataError(f"imagenet-1k: classes in .cls are not 0..{CLASSES - 1}")
    else:
        places = {name: number for number, name in enumerate(names)}
    return [places[image.label] for image in (*train, *test)]


def read(root: Path, address: bytes) -> bytes:
    """Return the encoded image at an address.

    Raises:
        DataError: the image is no longer there.
    """
    stretch = STRETCH.fullmatch(address)
    path = root / (stretch[1] if stretch else address).decode()
    try:
        if stretch is None:
            return path.read_bytes()
        with path.open("rb") as stream:
            stream.seek(int(stretch[2]))
            content = stream.read(int(stretch[3]))
    except OSError as error:
        raise DataError(f"{path}: {error.strerror}; 'kit data prepare imagenet-1k' again") from None
    if len(content) != int(stretch[3]):
        raise DataError(f"{path} is shorter than it was; 'kit data prepare imagenet-1k' again")
    return content


def _stretches(shard: Path, address: str) -> list[ImageFile]:
    """Return the images of a shard, sorted by name.

    A sample is two members of the same name: an image, and a ``.cls`` with the class number.
    """
    places: dict[str, str] = {}
    classes: dict[str, str] = {}
    try:
        with tarfile.open(shard, "r:") as archive:
            for member in archive:
                name, _, ending = member.name.rpartition(".")
                if f".{ending.lower()}" in IMAGES:
                    places[name] = f"{address}:{member.offset_data}:{member.size}"
                elif ending == "cls":
                    content = archive.extractfile(member)
                    assert content is not None
                    classes[name] = str(int(content.read()))
    except (tarfile.TarError, ValueError) as error:
        raise DataError(f"{shard}: {error}") from None
    if missing := sorted(set(places) - set(classes)):
        raise DataError(f"{shard}: {missing[0]} has no class: no member {missing[0]}.cls")
    return [ImageFile(place, classes[name]) for name, place in sorted(places.items())]
