"""Reading untrusted pickles of data: containers, numbers, text and numpy arrays, nothing else.

An ordinary unpickler calls whatever its input names. Here every name outside a short list is
refused, and the names on the list stand for functions of this package, not for the originals.
Python's implementation of the unpickler is extended, since opcodes of the C implementation cannot
be replaced. They must be: numpy's own ``__setstate__`` does not check that bytes and shape fit, and
would use bytes as pointers to objects.
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
from kit.files import DAMAGE, check_plain

from .unpickler import OPCODES, Restricted

# First bytes of compressed files, and what decompresses them.
PACKED: dict[bytes, Callable[[IO[bytes]], object]] = {
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    b"BZ": bz2.BZ2File,
}
# What Python's unpickler may raise for a damaged file.
BROKEN = (*DAMAGE, MemoryError, OSError, pickle.PickleError, zlib.error)


def load(source: Path | IO[bytes], *, opcodes: int = OPCODES) -> Any:
    """Read a pickle of plain data and return its content.

    A file may be compressed by gzip or bzip2. Strings of Python 2 are decoded as latin-1.

    Args:
        source: a path, or a stream, which is read into memory.
        opcodes: largest number of opcodes; each can take 200 bytes of memory.

    Raises:
        DataError: the file does not exist, is truncated or damaged, expands too much, or asks for
            something that is not allowed.
    """
    if not isinstance(source, Path):
        name, content = str(getattr(source, "name", "pickle")), source.read()
        with _data_errors(name):
            return Restricted(Bounded(io.BytesIO(content), len(content)), name, opcodes).load()
    check_plain(source)
    with _data_errors(str(source)), source.open("rb") as stream:
        unpack, size = PACKED.get(stream.read(2)), source.stat().st_size
        stream.seek(0)
        if unpack is None:
            return Restricted(Bounded(stream, size), str(source), opcodes).load()
        unpacked = cast(IO[bytes], unpack(stream))
        result = Restricted(Bounded(unpacked, room(size)), str(source), opcodes).load()
        # gzip and bzip2 compare checksums only when the end is read.
        if unpacked.read(1):
            raise ValueError("more bytes after its end")
        return result


def load_npy(file: Path, *, mmap: bool = False) -> npy.Array:
    """Read a ``.npy`` file, also one of Python objects (a dictionary is ``load_npy(path)[()]``).

    Args:
        file: need not be trusted; objects are read as by ``load``.
        mmap: map an array of numbers into memory instead of reading it.

    Raises:
        DataError: as for ``load``, or the file is not a ``.npy`` file.
    """
    with npy.told(file), file.open("rb") as stream:
        header = npy.header(stream)
        if not header.dtype.hasobject:
            return npy.load(file, mmap=mmap)
        left = file.stat().st_size - stream.tell()
        with _data_errors(str(file), what=".npy file"):
            array = Restricted(Bounded(stream, left), str(file)).load()
            if not isinstance(array, np.ndarray) or array.size != math.prod(header.shape):
                raise ValueError(f"the pickle is not an array of shape {header.shape}")
            return array.reshape(header.shape)


@contextmanager
def _data_errors(name: str, what: str = "pickle") -> Iterator[None]:
    """Turn errors of the unpickler for a damaged file into a ``DataError`` that names it."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{name}: no such file") from None
    except BROKEN as error:
        # gzip and bzip2 report damage as an OSError without errno.
        if isinstance(error, OSError) and error.errno is not None:
            raise
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise DataError(f"{name}: not a whole {what} of plain data ({reason})") from None
