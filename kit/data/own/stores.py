"""Reading named arrays from HDF5 and NetCDF files and Zarr folders."""

from __future__ import annotations

import errno
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from kit import extras
from kit.data import bounded
from kit.data.own.arrays import ANSWERS, INPUTS, of_arrays, usual
from kit.data.own.reading import Array, Ask, Found
from kit.errors import DataError, KitError, nearest
from kit.files import DAMAGE

if TYPE_CHECKING:
    import h5py

ZARR = ".zarr"
# First bytes of a NetCDF file in the classic format.
CLASSIC = b"CDF"
# Attributes of missing and of packed values: https://cfconventions.org, sections 2.5.1 and 8.1.
GAPS, SCALES = ("_FillValue", "missing_value"), ("scale_factor", "add_offset")
# Attribute of unsigned numbers that are stored as signed ones:
# https://docs.unidata.ucar.edu/nug/current/best_practices.html
UNSIGNED = "_Unsigned"
# How many links a name may lead over, which is HDF5's own limit.
LINKS = 16
# Functions that read an array, by its name.
Arrays = Mapping[str, Callable[[], Array]]
# A file, and the name of an array in it.
Place = tuple[str, str]


def read(paths: Sequence[str], ask: Ask) -> Found:
    """Read inputs and answers from files or stores.

    Args:
        paths: one file, whose arrays are taken by their names, such as ``x`` and ``y``; or
            several ``FILE.h5:ARRAY``, see ``_named``.
        ask: the user's options.

    Raises:
        DataError: a file is damaged, or an array is missing.
        KitError: the library for the format is not installed.
    """
    given: list[Place] = []
    for path in paths:
        file, colon, name = path.rpartition(":")
        if not colon or Path(path).exists():
            if len(paths) > 1:
                raise DataError(f"{path}: of several, name the dataset: {path}:NAME")
            file, name = path, ""
        given.append((file, name.strip("/")))
    stored = {file: _arrays(Path(file)) for file, _ in given}
    file, name = given[0]
    places = {each: (file, each) for each in stored[file]} if not name else _named(given, ask)

    def get(name: str) -> Array:
        file, wanted = places[name]
        if wanted not in stored[file]:
            known = nearest(wanted, list(stored[file]))
            raise DataError(f"{file}: there is no dataset {wanted!r}{known}")
        with _data_errors(Path(file)):
            return stored[file][wanted]()

    found = of_arrays(" and ".join(paths), list(places), get, ask)
    if not ask.answers:
        return found
    # By its whole name it is found again, whatever else further files hold.
    whole = places[found.reading.columns[0]][1]
    return replace(found, reading=msgspec.structs.replace(found.reading, columns=(whole,)))


def _named(given: Sequence[Place], ask: Ask) -> dict[str, Place]:
    """Return the arrays by the last part of their names; by the whole if that is not unique.

    For predictions they are called as the input is, which has its whole name.

    See ``usual`` for at most two.

    Raises:
        DataError: two of them have the same name.
    """
    lasts, wholes = [name.rpartition("/")[2] for _, name in given], [name for _, name in given]
    known = not ask.answers and bool(set(ask.reading.columns) & set(wholes))
    forms = (wholes,) if known else (lasts, wholes)
    names = next((each for each in forms if len(set(each)) == len(given)), [])
    if names and not ask.reading.columns:
        names = usual(names, ask)
    elif len(given) <= 2 and not ask.reading.columns:
        names = [INPUTS, ANSWERS][: len(given)]
    if not names:
        raise DataError(f"{given[0][0]}: several arrays are called {wholes[0]!r}; rename them")
    return dict(zip(names, given, strict=True))


def _arrays(file: Path) -> Arrays:
    """Return the arrays of a file or store, which are not read yet."""
    with _data_errors(file):
        if file.suffix.lower() == ZARR:
            return _zarr(file)
        with file.open("rb") as stream:
            classic = stream.read(len(CLASSIC)) == CLASSIC
        return _classic(file) if classic else _hdf5(file)


@contextmanager
def _data_errors(file: Path) -> Iterator[None]:
    """Turn errors of the libraries for a damaged file into a ``DataError`` that names it."""
    try:
        yield
    except (*DAMAGE, MemoryError, OSError) as e:
        # Damaged files give errors without errno, or EINVAL for a seek before the file's start.
        of_system = isinstance(e, OSError) and e.errno not in (None, errno.EINVAL)
        if isinstance(e, KitError) or of_system:
            raise
        reason = " ".join(str(e).split())[:160] or type(e).__name__
        raise DataError(f"{file}: not a whole file of its kind ({reason})") from None


def _hdf5(file: Path) -> Arrays:
    """Return the datasets of an HDF5 file; NetCDF-4 files are HDF5 too."""
    try:
        import h5py
    except ModuleNotFoundError:
        raise KitError(f"HDF5 files need h5py: {extras.install('hdf5')}") from None

    def get(name: str) -> Array:
        with h5py.File(file, "r") as opened:
            each = _followed(opened, name)
            if each.shape is None:
                raise DataError(f"{file}: {name} holds nothing")
            if each.external or each.is_virtual:
                raise DataError(f"{file}: {name} lies in another file; give that one")
            if h5py.check_string_dtype(each.dtype):
                # Many programs write UTF-8 and declare it as ASCII.
                return np.asarray(each.asstr("utf-8")[()], dtype=str)
            if each.dtype.hasobject:
                raise DataError(f"{file}: {name} holds objects in place of numbers")
            _check_room(f"{file}: {name}", each.size * each.dtype.itemsize, file.stat().st_size)
            return _decoded(np.asarray(each[()]), each.attrs)

    links: dict[str, Any] = {}
    with h5py.File(file, "r") as opened:
        opened.visititems_links(links.__setitem__)
        names = [name for name, link in links.items() if not _is_group(opened, name, link)]
    return {name: partial(get, name) for name in names}


def _is_group(opened: h5py.File, name: str, link: object) -> bool:
    """Tell whether a link leads to what has no values; of one that leads nowhere, ``get`` tells."""
    import h5py

    try:
        hard = isinstance(link, h5py.HardLink)
        found = opened[name] if hard else _followed(opened, name)
    except DataError:
        return False
    return not isinstance(found, h5py.Dataset)


def _followed(opened: h5py.File, name: str) -> Any:
    """Return the object of a name, by links within the file.

    Raises:
        DataError: a link leads nowhere, round, or to another file, which is not opened.
    """
    import h5py

    none, followed = f"{opened.filename}: there is no dataset {name!r}, but a link", 0
    here, parts = opened["/"], name.split("/")
    while parts:
        part, *parts = parts
        if part in ("", "."):
            continue
        link = here.get(part, getlink=True) if isinstance(here, h5py.Group) else None
        if isinstance(link, h5py.ExternalLink):
            raise DataError(f"{none} to another file, {link.filename}; give that one")
        if isinstance(link, h5py.SoftLink) and (followed := followed + 1) <= LINKS:
            here = opened["/"] if link.path.startswith("/") else here
            parts = [*link.path.split("/"), *parts]
        elif isinstance(link, h5py.HardLink):
            here = here[part]
        else:
            raise DataError(f"{none} that leads nowhere; give what it is to be")
    return here


def _classic(file: Path) -> Arrays:
    """Return the variables of a NetCDF file in the classic format."""
    from scipy.io import netcdf_file

    def get(name: str) -> Array:
        with netcdf_file(file, "r", mmap=False) as opened:
            each = opened.variables[name]
            values: Array = np.array(each.data)
            # The file is big-endian.
            return _decoded(values.astype(values.dtype.newbyteorder("=")), vars(each))

    with netcdf_file(file, "r", mmap=False) as opened:
        return {name: partial(get, name) for name in opened.variables}


def _zarr(folder: Path) -> Arrays:
    """Return the arrays of a Zarr folder, version 2 or 3."""
    try:
        import zarr
    except ModuleNotFoundError:
        raise KitError(f"Zarr folders need zarr: {extras.install('zarr')}") from None

    def get(name: str, each: zarr.Array[Any]) -> Array:
        _check_room(f"{folder}: {name}", each.nbytes, each.nbytes_stored())
        return _decoded(np.asarray(each[...]), each.attrs)

    opened = zarr.open(folder, mode="r")
    members = {INPUTS: opened} if isinstance(opened, zarr.Array) else opened.members(max_depth=None)
    return {
        name: partial(get, name, each)
        for name, each in dict(members).items()
        if isinstance(each, zarr.Array)
    }


def _check_room(place: str, size: int, stored: int) -> None:
    """Refuse an array of ``size`` bytes if that is implausible for so few ``stored`` bytes."""
    if size > bounded.room(stored):
        raise DataError(f"{place} claims {size} bytes, of which the file has {stored}")


def _word(attribute: object) -> str:
    return attribute.decode("latin-1") if isinstance(attribute, bytes) else str(attribute)


def _decoded(values: Array, attributes: Mapping[str, Any]) -> Array:
    """Return packed numbers in their original values, by the attributes for scale and offset.

    Values that the attributes declare as missing become NaN.
    """
    if values.dtype.kind not in "fiu":
        return values
    gaps = np.zeros(values.shape, bool)
    for name in GAPS:
        gaps |= np.isin(values, np.asarray(attributes.get(name, ())))
    if values.dtype.kind == "i" and _word(attributes.get(UNSIGNED)) == "true":
        values = values.view(f"{values.dtype.byteorder}u{values.dtype.itemsize}")
    if any(name in attributes for name in SCALES):
        scale, offset = attributes.get("scale_factor", 1), attributes.get("add_offset", 0)
        values = values * np.float64(np.squeeze(scale)) + np.float64(np.squeeze(offset))
    return np.where(gaps, np.nan, values) if gaps.any() else values
