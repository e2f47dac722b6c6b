"""Arrays with names: in ``.npz``, in several ``.npy``, in HDF5 and NetCDF-4 files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np
from msgspec.structs import replace

from kit import extras
from kit.data import archives, npy
from kit.data.own.reading import Array, Ask, Found
from kit.errors import DataError, KitError, nearest

Get = Callable[[str], Array]
INPUTS, ANSWERS = "x", "y"
USUAL = ("split",)


def numpy(files: Sequence[Path], ask: Ask) -> Found:
    """Read an ``.npz`` file, or ``.npy`` files that are named after what they hold.

    Of two ``.npy`` files of other names the first has the inputs, the second the answers.

    Raises:
        DataError: a file is damaged, or an array is missing.
    """
    if len(files) == 1 and (files[0].suffix == ".npz" or npy.is_npz(files[0])):
        file = files[0]
        if not npy.is_npz(file):
            raise DataError(f"{file}: not an .npz file, as numpy.savez writes them")
        names = [each.removesuffix(".npy") for each in _members(file)]
        return _of_arrays(str(file), names, lambda name: npy.load_npz(file, (name,))[name], ask)
    by_name = {file.stem: file for file in files}
    if len(by_name) < len(files) or any(npy.is_npz(file) for file in files):
        raise DataError(f"{files[0]}: give one .npz file, or .npy files of different names")
    if INPUTS not in by_name and not ask.reading.columns:
        by_name = dict(zip((INPUTS, ANSWERS), files, strict=False)) if len(files) < 3 else by_name
    place = " and ".join(str(file) for file in files)
    return _of_arrays(place, list(by_name), lambda name: npy.load(by_name[name]), ask)


def hdf5(paths: Sequence[str], ask: Ask) -> Found:
    """Read datasets of an HDF5 file, which NetCDF-4 files are too.

    ``FILE.h5`` has datasets ``x`` and ``y``; of several ``FILE.h5:DATASET`` the first has the
    inputs, the second the answers, or they have these names.

    Raises:
        DataError: a file is damaged, or a dataset is missing.
        KitError: h5py is missing.
    """
    try:
        import h5py
    except ModuleNotFoundError:
        raise KitError(f"HDF5 files need h5py: {extras.install('hdf5')}") from None
    places: dict[str, tuple[str, str]] = {}
    for path in paths:
        file, colon, dataset = path.rpartition(":")
        if not colon or Path(path).exists():
            if len(paths) > 1:
                raise DataError(f"{path}: of several, name the dataset: {path}:NAME")
            file, dataset = path, ""
        places[dataset] = (file, dataset)
    file = next(iter(places.values()))[0]
    try:
        with h5py.File(file, "r") as opened:
            datasets: list[str] = []
            opened.visititems(
                lambda name, each: datasets.append(name) if isinstance(each, h5py.Dataset) else None
            )
    except OSError as error:
        raise DataError(f"{file}: not a whole HDF5 file ({error})") from None
    if "" not in places:
        last = {dataset.rpartition("/")[2]: each for dataset, each in places.items()}
        if INPUTS in last or ask.reading.columns or len(places) > 2:
            places = last
        else:
            places = dict(zip((INPUTS, ANSWERS), places.values(), strict=False))
    else:
        places = {name: (file, name) for name in datasets}

    def get(name: str) -> Array:
        where, dataset = places[name]
        with h5py.File(where, "r") as opened:
            if not isinstance(opened.get(dataset), h5py.Dataset):
                known = nearest(dataset, datasets)
                raise DataError(f"{where}: there is no dataset {dataset!r}{known}")
            each = opened[dataset]
            if h5py.check_string_dtype(each.dtype):
                return np.asarray(each.asstr()[()], dtype=str)
            if each.dtype.hasobject:
                raise DataError(f"{where}: {dataset} holds objects in place of numbers")
            return np.asarray(each[()])

    return _of_arrays(" and ".join(paths), list(places), get, ask)


def _of_arrays(place: str, names: Iterable[str], get: Get, ask: Ask) -> Found:
    names = list(names)

    def take(name: str) -> Array:
        if name not in names:
            raise DataError(f"{place} has no array {name!r}, but {', '.join(names) or 'nothing'}")
        return get(name)

    inputs = (ask.reading.columns or (INPUTS,))[0]
    if len(names) == 1 and not ask.answers:
        inputs = names[0]
    x = take(inputs)
    answers: tuple[str, ...] = ask.targets or (ANSWERS,)
    y = None
    if ask.answers:
        columns = [take(name) for name in answers]
        y = columns[0] if len(columns) == 1 else _joined(place, answers, columns)
    wanted = {**{each: each for each in USUAL if each in names}, **ask.aside}
    if not ask.answers:
        wanted = {what: name for what, name in wanted.items() if what == "identity"}
    for what in ("sequence", "order"):
        if what in wanted:
            raise DataError(f"{place}: --{what} is for tables, whose rows are steps")
    aside = {what: take(name) for what, name in wanted.items()}
    axis = ask.reading.layout.find("N") if ask.reading.layout else 0
    count = x.shape[axis] if x.ndim > max(axis, 0) else 0
    _same_length(place, count, {ANSWERS: y, **aside} if y is not None else aside)
    kept = sorted(set(names) - {inputs, *answers, *wanted.values()})
    notes = [f"left out: {', '.join(kept)}"] if kept and ask.answers else []
    reading = replace(ask.reading, columns=(inputs,))
    several = len(answers) > 1
    return Found(
        place=place,
        x=x,
        y=y,
        names=answers if several else (),
        aside=aside,
        reading=reading,
        arranged=False,
        notes=tuple(notes),
    )


def _joined(place: str, names: Sequence[str], columns: Sequence[Array]) -> Array:
    if any(each.shape != columns[0].shape or each.ndim != 1 for each in columns):
        shapes = ", ".join(f"{n} {c.shape}" for n, c in zip(names, columns, strict=True))
        raise DataError(
            f"{place}: several answers must have one number a sample; there is {shapes}"
        )
    return np.stack(columns, axis=1)


def _same_length(place: str, count: int, arrays: Mapping[str, Array]) -> None:
    for name, array in arrays.items():
        if array.ndim == 0 or len(array) != count:
            have = 0 if array.ndim == 0 else len(array)
            raise DataError(f"{place}: x has {count} samples, {name} has {have}")


def _members(file: Path) -> list[str]:
    """Return the names of what an ``.npz`` holds; nothing is read."""
    names: list[str] = []

    def look(member: str) -> bool:
        names.append(member)
        return False

    for _ in archives.members(file, wanted=look):
        pass
    return names
