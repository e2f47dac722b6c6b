"""One's own files by what they are: arrays, tables, folders of images or sounds."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from kit.data.own import arrays, folders, stores, tables
from kit.data.own.reading import Ask, Found
from kit.errors import DataError

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
    """Read what is asked of files or folders.

    Args:
        paths: all of one kind; a folder may come with a table of labels, and an array of a
            store is named after a colon.
        ask: what to take of them.

    Raises:
        KitError: one is not there, of no known kind, damaged, or a package is missing.
    """
    places = [Path(path) for path in paths]
    found = [_kind(path, place) for path, place in zip(paths, places, strict=True)]
    if "folder" in found:
        labels = [place for place, kind in zip(places, found, strict=True) if kind == "table"]
        inputs = [place for place, kind in zip(places, found, strict=True) if kind == "folder"]
        if len(labels) > 1 or len(inputs) > 1 or len(labels) + len(inputs) < len(places):
            raise DataError(f"{paths[0]}: a folder comes alone or with one table of labels")
        return folders.read(inputs[0], labels[0] if labels else None, ask)
    if len(set(found)) > 1:
        raise DataError(f"{' and '.join(paths)} are files of different kinds")
    match found[0]:
        case "table":
            return tables.read(places, ask)
        case "file":
            return folders.read_files(places, ask)
        case "store":
            return stores.read(paths, ask)
    return arrays.numpy(places, ask)


def _kind(path: str, place: Path) -> str:
    file, _, array = path.rpartition(":")
    if file and array and not place.exists() and Path(file).suffix.lower() in STORES:
        place = Path(file)
    if place.is_dir() and place.suffix.lower() != stores.ZARR:
        return "folder"
    if not place.exists():
        raise DataError(f"{path}: no such file or folder")
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
