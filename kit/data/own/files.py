"""Reading the user's own files by their kind: arrays, tables, images or sounds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kit.data.own import arrays, folders, stores, tables
from kit.data.own.reading import Ask, Found, Reading
from kit.errors import DataError
from kit.files import check_plain

ARRAYS = (".npz", ".npy")
TEXT = tuple(
    f".{kind}{packed}" for kind in ("csv", "tsv", "txt") for packed in ("", ".gz", ".bz2", ".zst")
)
TABLES = (*TEXT, ".parquet", ".pq")
STORES = (".h5", ".hdf5", ".hdf", ".nc", ".nc4", stores.ZARR)
KNOWN = (
    ".npz, .npy, .csv, .tsv, .parquet, .h5, .nc, .zarr (all three with :ARRAY), or a folder of "
    "images or sounds"
)


def read(paths: Sequence[str], ask: Ask) -> Found:
    """Read inputs and answers from files or folders.

    Args:
        paths: all of one kind; a folder may be given with a table of labels, and the name of an
            array in a store follows a colon.
        ask: the user's options.

    Raises:
        KitError: a path does not exist, is a pipe, of an unknown kind or damaged, or a package is
            missing.
    """
    places = [Path(path) for path in paths]
    kinds = [_kind(path, place) for path, place in zip(paths, places, strict=True)]
    if "folder" in kinds:
        labels = [place for place, kind in zip(places, kinds, strict=True) if kind == "table"]
        inputs = [place for place, kind in zip(places, kinds, strict=True) if kind == "folder"]
        if len(labels) > 1 or len(inputs) > 1 or len(labels) + len(inputs) < len(places):
            raise DataError(f"{paths[0]}: a folder comes alone or with one table of labels")
        return folders.read(inputs[0], labels[0] if labels else None, ask)
    if len(set(kinds)) > 1:
        raise DataError(f"{' and '.join(paths)} are files of different kinds")
    match kinds[0]:
        case "table":
            return tables.read(places, ask)
        case "file":
            return folders.read_files(places, ask)
        case "store":
            return stores.read(paths, ask)
    return arrays.numpy(places, ask)


def check_alike(paths: Sequence[str], reading: Reading) -> None:
    """Refuse files for predictions that are of another kind than those the task was made of.

    Args:
        paths: the files or folders.
        reading: of the task.

    Raises:
        DataError: naming the file and what is wanted; or a path does not exist.
    """
    alike: tuple[str, ...]
    if reading.layout:
        made, alike = "arrays", ("arrays", "store")
    elif reading.mode or reading.rate:
        made, alike = "images" if reading.mode else "sounds", ("folder", "file")
    else:
        made, alike = "a table", ("table",)
    for path in paths:
        kind = _kind(path, Path(path))
        if kind not in alike:
            given = {"folder": "a folder", "table": "a table", "file": "an image or a sound"}
            raise DataError(
                f"{path}: {given.get(kind, 'arrays')}, and the task was made of {made}; give what "
                "it was made of, without the answers"
            )


def _kind(path: str, place: Path) -> str:
    """Return the kind of a path: ``folder``, ``arrays``, ``table``, ``store`` or ``file``."""
    file, _, array = path.rpartition(":")
    if file and array and not place.exists() and Path(file).suffix.lower() in STORES:
        place = Path(file)
    if place.is_dir() and place.suffix.lower() != stores.ZARR:
        return "folder"
    if not place.exists():
        raise DataError(f"{path}: no such file or folder")
    check_plain(place)
    name = place.name.lower()
    if name.endswith(ARRAYS):
        return "arrays"
    if name.endswith(TABLES):
        return "table"
    if name.endswith(STORES):
        return "store"
    if name.endswith((*folders.IMAGES, *folders.SOUNDS)):
        return "file"
    raise DataError(f"{path}: not a kind of file that is read; there is {KNOWN}")
