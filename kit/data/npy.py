"""Reading arrays from untrusted ``.npy`` and ``.npz`` files.

numpy's own reader allocates as much memory as a header claims, and has Python parse the header.
Here the header is matched by a regular expression, and its size is compared with the file's. numpy
gets only a flat buffer with a plain dtype and exactly the size of its shape.
"""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any, Literal

import numpy as np
import numpy.typing as npt

from kit.data import archives, bounded
from kit.errors import DataError
from kit.files import check_plain

Array = npt.NDArray[Any]
Order = Literal["C", "F"]
MAGIC, ZIP = b"\x93NUMPY", b"PK\x03\x04"
# Size in bytes of the field with the header's length, by version of the format.
LENGTHS = {b"\x01\x00": 2, b"\x02\x00": 4, b"\x03\x00": 4}
LONGEST_HEADER = 1 << 16
AXES = 32
# Largest code of a character (U) and of a boolean (b).
LARGEST = {"U": 0x10FFFF, "b": 1}
# Names of dtypes: numbers, booleans and text; dates.
PLAIN = re.compile(r"[<>=|]?(\?|b1|[biufcSU][1-9]\d{0,8})")
DATES = re.compile(r"[<>=|]?[mM]8")
AS_WORDS = "save them after astype(str)"
# A header without its white space.
HEADER = re.compile(
    r"\{(?:'descr':'(?P<descr>[^']*)',?|'fortran_order':(?P<fortran>True|False),?"
    r"|'shape':\((?P<shape>(?:\d{1,19}L?,?)*)\),?)*\}"
)


@dataclass(frozen=True)
class NpyHeader:
    """The header of a ``.npy`` file: dtype, shape and order of its array."""

    dtype: np.dtype[Any]
    shape: tuple[int, ...]
    order: Order

    @property
    def bytes(self) -> int:
        """Size of the array in bytes."""
        return count(self.shape) * self.dtype.itemsize


def plain(name: object) -> np.dtype[Any]:
    """Return the dtype of a name, for numbers, booleans and text.

    Raises:
        ValueError: the name is that of another kind of dtype, or of none.
    """
    if isinstance(name, str) and DATES.match(name):
        raise ValueError(f"dates, dtype {name[:40]!a}; {AS_WORDS}")
    if not isinstance(name, str) or not PLAIN.fullmatch(name):
        raise ValueError(f"dtype {name[:40]!a}" if isinstance(name, str) else "a dtype of no name")
    try:
        return np.dtype(name)
    except TypeError as error:
        raise ValueError(str(error)) from None


def count(shape: Any) -> int:
    """Return the number of elements of an array of a shape.

    Raises:
        ValueError: the shape is not a tuple of at most 32 sizes.
    """
    if not isinstance(shape, tuple) or len(shape) > AXES:
        raise ValueError("a shape that is none")
    if any(type(size) is not int or size < 0 for size in shape):
        raise ValueError("a shape that is none")
    return math.prod(shape)


def flat(
    content: bytes | bytearray | memoryview, dtype: np.dtype[Any], shape: Any, order: Order = "C"
) -> Array:
    """Return a buffer as an array, without a copy.

    Raises:
        ValueError: dtype and shape do not fit the buffer's size, or a value is invalid.
    """
    elements, view = count(shape), memoryview(content).cast("B")
    if dtype.hasobject or not dtype.itemsize or elements * dtype.itemsize != len(view):
        raise ValueError(f"{len(view)} bytes do not make an array of {dtype} {shape}")
    if dtype.kind in "Ub":
        code = np.dtype(f"{dtype.byteorder}u4" if dtype.kind == "U" else "u1")
        if (np.ndarray(len(view) // code.itemsize, code, view) > LARGEST[dtype.kind]).any():
            raise ValueError(f"values that {dtype} does not have")
    return np.ndarray(shape, dtype, view, order=order)


def header(stream: IO[bytes]) -> NpyHeader:
    """Read the header of a ``.npy`` file; its dtype may be ``object``.

    Raises:
        ValueError: it is not the header of a plain array.
        EOFError: it is truncated.
    """
    magic, version = bounded.exactly(stream, 6), bytes(bounded.exactly(stream, 2))
    if magic != MAGIC:
        raise ValueError("the magic string of .npy is not there")
    if (size := LENGTHS.get(version)) is None:
        raise ValueError(f"version {tuple(version)} of the format")
    length = int.from_bytes(bounded.exactly(stream, size), "little")
    if length > LONGEST_HEADER:
        raise ValueError(f"a header of {length} bytes")
    text = "".join(bounded.exactly(stream, length).decode("latin-1").split())
    match = HEADER.fullmatch(text)
    if match is None or None in match.groups():
        raise ValueError(f"its header is not that of a plain array: {text[:60]!a}")
    shape = tuple(int(size.rstrip("L")) for size in match["shape"].split(",") if size)
    dtype = np.dtype(object) if match["descr"] == "|O" else plain(match["descr"])
    return NpyHeader(dtype, shape, "F" if match["fortran"] == "True" else "C")


def load(file: Path, *, mmap: bool = False) -> Array:
    """Return the array of a ``.npy`` file.

    Args:
        file: need not be trusted; nothing in it is executed.
        mmap: map the array into memory, read-only, instead of reading it.

    Raises:
        DataError: the file does not exist, or is not one array of plain data.
    """
    check_plain(file)
    with told(file), file.open("rb") as stream:
        head = header(stream)
        start, size = stream.tell(), file.stat().st_size
        _check(head, size - start)
        if start + head.bytes != size:
            raise ValueError(f"{size - start} bytes for an array of {head.bytes}")
        if mmap and head.bytes:
            return np.memmap(file, head.dtype, "r", start, head.shape, head.order)
        content = np.fromfile(stream, np.uint8, head.bytes)
        return flat(content.data, head.dtype, head.shape, head.order)


def load_stream(place: str, stream: IO[bytes], limit: int = bounded.FLOOR) -> Array:
    """Return the array of a ``.npy`` file in an archive.

    Args:
        place: archive and member, for error messages.
        stream: the file's content, read to its end.
        limit: largest size of the array in bytes.

    Raises:
        DataError: the content is not one array of plain data, or is larger than the limit.
    """
    with told(place):
        head = header(stream)
        _check(head, limit)
        content = bounded.exactly(stream, head.bytes)
        if stream.read(1):
            raise ValueError("more bytes than its shape")
        return flat(content, head.dtype, head.shape, head.order)


def is_npz(file: Path) -> bool:
    """Tell whether a file is a zip archive, as an ``.npz`` is.

    Raises:
        DataError: there is no such file, or it is a pipe or a device.
    """
    check_plain(file)
    with told(file), file.open("rb") as stream:
        return stream.read(4) == ZIP


def load_npz(file: Path, required: Sequence[str], optional: Sequence[str] = ()) -> dict[str, Array]:
    """Return the required arrays of an ``.npz`` file, and those optional ones that it has, by name.

    Raises:
        DataError: the file does not exist or is damaged, or a required array is missing.
    """
    if not is_npz(file):
        raise DataError(f"{file}: not an .npz file, as numpy.savez writes them")
    wanted = {f"{name}.npy": name for name in (*required, *optional)}
    arrays, names = {}, []

    def is_wanted(member: str) -> bool:
        names.append(member.removesuffix(".npy"))
        return member in wanted

    limit = bounded.room(file.stat().st_size)
    for member, content in archives.members(file, wanted=is_wanted):
        name = wanted[member]
        arrays[name] = load_stream(f"{file}: {name}", io.BufferedReader(content), limit)
    for name in required:
        if name not in arrays:
            others = ", ".join(names)[:120] or "nothing"
            raise DataError(f"{file} has no array {name!r}, but {others}")
    return arrays


def _check(head: NpyHeader, limit: int) -> None:
    """Refuse Python objects, and arrays of more bytes than the limit."""
    if head.dtype.hasobject:
        raise ValueError(f"Python objects in place of numbers; {AS_WORDS} or astype(float)")
    if head.bytes > limit:
        raise ValueError(f"its shape asks for {head.bytes} bytes, but there is room for {limit}")


@contextmanager
def told(place: object) -> Iterator[None]:
    """Turn errors from reading a ``.npy`` file into a ``DataError`` that names it."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{place}: no such file") from None
    except (ValueError, EOFError, MemoryError) as error:
        reason = " ".join(str(error).split())[:160] or type(error).__name__
        raise DataError(f"{place}: not a whole .npy file of plain data ({reason})") from None
