"""Reading arrays of numbers from MATLAB files of version 4, 5 and 7.3 (which is HDF5).

Versions 4 and 5 are read here, since scipy's reader uses numbers of a damaged file as addresses in
memory. Source of the format: "MAT-File Format", The MathWorks.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

import numpy as np

from kit import extras
from kit.data import bounded, npy
from kit.errors import DataError, KitError

if TYPE_CHECKING:
    from h5py import Dataset, File

# Version 4: dtypes by the digit P of the header's number MOPT.
TYPES_4 = ("f8", "f4", "i4", "i2", "u2", "u1")
# Version 5: dtypes by the number of the data type.
TYPES_5 = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
MATRIX, COMPRESSED, INT32 = 14, 15, 5
# Version 5: classes of arrays of numbers, and the flag of complex ones.
NUMERIC = range(6, 16)
COMPLEX = 0x08
HDF5 = b"\x89HDF\r\n\x1a\n"
HEADER = 128


def load(file: Path, names: Sequence[str]) -> dict[str, npy.Array]:
    """Return the arrays with these names of a file of version 4 or 5; missing ones are left out.

    Raises:
        DataError: the file does not exist or is damaged, or an array does not hold real numbers.
    """
    with told(file), file.open("rb") as stream:
        return _arrays(stream, names)


def loads(place: str, content: bytes, names: Sequence[str]) -> dict[str, npy.Array]:
    """Return arrays of a file in memory, as ``load`` does; ``place`` names it in error messages."""
    with told(Path(place)):
        return _arrays(io.BytesIO(content), names)


def is_hdf5(file: Path) -> bool:
    """Tell whether a file is HDF5, as those of version 7.3 are.

    Raises:
        DataError: the file does not exist.
    """
    with told(file), file.open("rb") as stream:
        start = stream.read(HEADER * 4 + len(HDF5))
    return HDF5 in (start[: len(HDF5)], start[-len(HDF5) :])


@contextmanager
def hdf5(file: Path) -> Iterator[File]:
    """Open a file of version 7.3.

    Raises:
        KitError: h5py is not installed.
        DataError: the file is damaged.
    """
    try:
        import h5py
    except ModuleNotFoundError:
        raise KitError(f"{file.name} needs h5py: {extras.install('hdf5')}") from None
    with told(file), h5py.File(file, "r") as content:
        yield content


def dataset(content: File, name: str) -> Dataset | None:
    """Return a dataset of numbers without reading its values; None if there is none of this name.

    Raises:
        DataError: it is not an array of numbers, or its values are in another file.
    """
    import h5py

    link = content.get(name, getlink=True)
    if link is None:
        return None
    place = f"{Path(content.filename).name}: {name}"
    if not isinstance(link, h5py.HardLink):
        raise DataError(f"{place} is a link, not an array")
    values = content[name]
    if not isinstance(values, h5py.Dataset) or values.dtype.kind not in "biuf":
        raise DataError(f"{place} is no array of numbers")
    if values.external or values.is_virtual:
        raise DataError(f"{place} lies in another file")
    size = Path(content.filename).stat().st_size
    if values.chunks and npy.count(values.chunks) * values.dtype.itemsize > bounded.room(size):
        raise DataError(f"{place} has blocks that are larger than the file allows")
    return values


@contextmanager
def told(file: Path) -> Iterator[None]:
    """Turn errors from reading a MATLAB file into a ``DataError`` that names it."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{file}: no such file") from None
    except (
        ValueError,
        EOFError,
        KeyError,
        RuntimeError,
        MemoryError,
        struct.error,
        zlib.error,
    ) as e:
        raise DataError(f"{file.name}: not a readable MATLAB file ({_reason(e)})") from None
    except OSError as error:
        # Errors of the HDF5 library have no errno.
        if error.errno is not None:
            raise
        raise DataError(f"{file.name}: not a readable MATLAB file ({_reason(error)})") from None


def _reason(error: Exception) -> str:
    return " ".join(str(error).split())[:120] or type(error).__name__


def _arrays(stream: IO[bytes], names: Sequence[str]) -> dict[str, npy.Array]:
    """Return the arrays with these names of a file of version 4 or 5."""
    start = stream.read(4)
    stream.seek(0)
    # Version 4 begins with a number below 5000, so with a zero byte; version 5 with letters.
    arrays = _version_4(stream) if 0 in start else _version_5(stream, names)
    return {name: array for name, array in arrays if name in names}


def _version_4(stream: IO[bytes]) -> Iterator[tuple[str, npy.Array]]:
    """Yield (name, array) of all arrays of a file of version 4."""
    while head := stream.read(20):
        order = "<" if struct.unpack("<i", head[:4])[0] < 5000 else ">"
        kind, rows, columns, imaginary, length = struct.unpack(f"{order}5i", head)
        number = kind % 100 // 10
        if kind % 10 or imaginary or not 0 <= number < len(TYPES_4) or min(rows, columns) < 0:
            raise ValueError("an array that is not one of real numbers")
        if not 0 < length <= 256:
            raise ValueError("an array without a name")
        name = bytes(bounded.exactly(stream, length)).rstrip(b"\0").decode("latin-1")
        dtype = np.dtype(order + TYPES_4[number])
        content = bounded.exactly(stream, rows * columns * dtype.itemsize)
        yield name, npy.flat(content, dtype, (rows, columns), "F")


def _version_5(stream: IO[bytes], names: Sequence[str]) -> Iterator[tuple[str, npy.Array]]:
    """Yield (name, array) of the arrays with these names of a file of version 5."""
    header = bytes(bounded.exactly(stream, HEADER))
    if header[:10] != b"MATLAB 5.0" or header[126:] not in (b"IM", b"MI"):
        raise ValueError("neither of version 4, 5 nor 7.3")
    order = "<" if header[126:] == b"IM" else ">"
    while tag := stream.read(8):
        kind, size = struct.unpack(f"{order}2I", tag)
        content = bounded.exactly(stream, size)
        if kind == COMPRESSED:
            content, kind = _unpacked(content, order)
        if kind == MATRIX:
            yield from _matrix(memoryview(content), order, names)
        elif kind not in TYPES_5:
            raise ValueError(f"an element of kind {kind}")


def _unpacked(content: bytearray, order: str) -> tuple[bytearray, int]:
    """Return the data and the type of a compressed element."""
    limit = bounded.room(len(content))
    unpacker = zlib.decompressobj()
    element = bytearray(unpacker.decompress(content, limit))
    if unpacker.unconsumed_tail or not unpacker.eof:
        raise ValueError("an element that expands without end, or is cut short")
    kind, size = struct.unpack(f"{order}2I", element[:8])
    if size != len(element) - 8:
        raise ValueError("an element of another size than it says")
    return element[8:], kind


def _matrix(
    content: memoryview, order: str, names: Sequence[str]
) -> Iterator[tuple[str, npy.Array]]:
    """Yield (name, array) of a matrix, or nothing if its name is not wanted.

    Raises:
        ValueError: the matrix does not hold real numbers.
    """
    parts = io.BytesIO(content)
    flags = _element(parts, order)
    shape, name = _element(parts, order), _element(parts, order)
    title = bytes(name.tobytes()).decode("latin-1")
    if title not in names:
        return
    kind, complex_ = int(flags[0]) & 0xFF, int(flags[0]) >> 8 & COMPLEX
    if kind not in NUMERIC or complex_:
        raise ValueError(f"{title} is not an array of real numbers")
    values = _element(parts, order)
    sizes = tuple(int(size) for size in shape)
    yield title, npy.flat(values.data.cast("B"), values.dtype, sizes, "F")


def _element(parts: IO[bytes], order: str) -> Any:
    """Return the numbers of the next data element: (n,)."""
    tag = bytes(bounded.exactly(parts, 8))
    kind, size = struct.unpack(f"{order}2I", tag)
    small = kind >> 16
    if small:
        # Up to four bytes of data are stored in the tag itself.
        kind, size, content = kind & 0xFFFF, small, bytearray(tag[4 : 4 + small])
    else:
        content = bounded.exactly(parts, size)
        parts.seek(-size % 8, io.SEEK_CUR)
    dtype = np.dtype(order + TYPES_5[kind])
    return npy.flat(content, dtype, (size // dtype.itemsize,))
