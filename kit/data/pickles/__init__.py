"""Reading pickles that are data: containers, numbers, text and numpy arrays, and nothing else.

An ordinary unpickler calls whatever its input names. Here every name outside a short list is
refused, and the names on the list stand for functions of this module, not for the originals.
Python's own implementation is extended, not the C one, since only that one lets an opcode be
overruled: numpy's own ``__setstate__`` would take bytes for pointers, and a shape for granted.
"""

from __future__ import annotations

import bz2
import gzip
import io
import math
import pickle
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

import numpy as np

from kit.data import npy
from kit.data.bounded import Bounded, room
from kit.errors import DataError
from kit.files import DAMAGE

from .unpickler import OPCODES, Restricted

# How packed files begin, and what unpacks them.
PACKED: dict[bytes, Callable[[IO[bytes]], object]] = {
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    b"BZ": bz2.BZ2File,
}
# What Python's unpickler raises on any opcode on any stack.
BROKEN = (*DAMAGE, MemoryError, OSError, pickle.PickleError, zlib.error)


def load(source: Path | IO[bytes], *, opcodes: int = OPCODES) -> Any:
    """Read a pickle of plain data; gzip and bzip2 are recognised; Python 2's strings are latin-1.

    Args:
        source: a path, or a stream that is no larger than memory.
        opcodes: most that it may have; each can take 200 bytes of memory.

    Raises:
        DataError: there is no such file, it is truncated or damaged, expands without end, or asks
            for something that is not allowed.
    """
    if not isinstance(source, Path):
        name, content = str(getattr(source, "name", "pickle")), source.read()
        with _data_errors(name):
            return Restricted(Bounded(io.BytesIO(content), len(content)), name, opcodes).load()
    with _data_errors(str(source)), source.open("rb") as stream:
        unpack, size = PACKED.get(stream.read(2)), source.stat().st_size
        stream.seek(0)
        if unpack is None:
            return Restricted(Bounded(stream, size), str(source), opcodes).load()
        unpacked = cast(IO[bytes], unpack(stream))
        found = Restricted(Bounded(unpacked, room(size)), str(source), opcodes).load()
        # Reading to the very end is what makes them compare their checksum.
        if unpacked.read(1):
            raise ValueError("more bytes after its end")
        return found


def load_npy(file: Path, *, mmap: bool = False) -> npy.Array:
    """Read a ``.npy`` file, also one of Python objects (a dictionary is ``load_npy(path)[()]``).

    Args:
        file: may be anybody's; only names on the list are called.
        mmap: map an array of numbers into memory instead of reading it.

    Raises:
        DataError: as for ``load``, or the file is no ``.npy``.
    """
    with npy.told(file), file.open("rb") as stream:
        header = npy.header(stream)
        if not header.dtype.hasobject:
            return npy.load(file, mmap=mmap)
        left = file.stat().st_size - stream.tell()
        with _data_errors(str(file), what=".npy file"):
            found = Restricted(Bounded(stream, left), str(file)).load()
            if not isinstance(found, np.ndarray) or found.size != math.prod(header.shape):
                raise ValueError(f"the pickle is not an array of shape {header.shape}")
            return found.reshape(header.shape)


@contextmanager
def _data_errors(name: str, what: str = "pickle") -> Iterator[None]:
    """Turn whatever a damaged file makes the unpickler raise into one line."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{name}: no such file") from None
    except BROKEN as error:
        # What unpacks calls damage an OSError, too, but of no number.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise DataError(f"{name}: not a whole {what} of plain data ({reason})") from None
