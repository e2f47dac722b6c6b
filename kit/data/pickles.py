"""Reading pickles that are data: containers, numbers, text and numpy arrays, and nothing else.

An ordinary unpickler calls whatever its input names. Here every name outside a short list is
refused, and the names on the list stand for functions of this module, not for the originals.
Python's own implementation is extended, not the C one, since only that one lets an opcode be
overruled: the state that a pickle gives a numpy dtype could make numpy take bytes for pointers.
"""

from __future__ import annotations

import gzip
import math
import os
import pickle
import re
from collections import OrderedDict
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, ClassVar, cast

import numpy as np
import numpy.typing as npt

from kit.errors import DataError

GZIP = b"\x1f\x8b"
PLAIN_DTYPE = re.compile(r"[<>=|]?[?biufcSUVO]\d*")


def _reconstruct(kind: object, shape: object, code: object) -> npt.NDArray[Any]:
    if kind is not np.ndarray or shape != (0,):
        raise pickle.UnpicklingError("an array that does not begin empty")
    return np.empty(0, "b")


def _dtype(name: object, align: object = False, copy: object = True) -> np.dtype[Any]:
    if not isinstance(name, str) or not PLAIN_DTYPE.fullmatch(name):
        raise pickle.UnpicklingError(f"dtype {name!r}")
    # Always a copy: what numpy hands out otherwise is shared by the whole process.
    return np.dtype(name, copy=True)


def _scalar(dtype: np.dtype[Any], content: Any = b"") -> Any:
    if dtype.hasobject:
        return content
    raw = content.encode("latin1") if isinstance(content, str) else content
    return np.frombuffer(raw, dtype, count=1)[0]


def _from_buffer(content: Any, dtype: Any, shape: Any, order: Any) -> npt.NDArray[Any]:
    return np.frombuffer(content, dtype).reshape(shape, order=order)


def _bytes(content: bytes = b"") -> bytes:
    if not isinstance(content, bytes):
        raise pickle.UnpicklingError("bytes made of something else")
    return content


def _bytearray(content: bytes | str = b"", encoding: str = "latin-1") -> bytearray:
    return bytearray(_encode(content, encoding) if isinstance(content, str) else _bytes(content))


def _encode(text: str, encoding: str = "latin1") -> bytes:
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError(f"encoding {encoding!r}")
    return text.encode("latin1")


# numpy 1 and numpy 2 name their modules differently, and so do Python 2 and Python 3.
ALLOWED: Mapping[str, Any] = {
    **{f"numpy.{core}.multiarray._reconstruct": _reconstruct for core in ("core", "_core")},
    **{f"numpy.{core}.multiarray.scalar": _scalar for core in ("core", "_core")},
    **{f"numpy.{core}.numeric._frombuffer": _from_buffer for core in ("core", "_core")},
    "numpy.ndarray": np.ndarray,
    "numpy.dtype": _dtype,
    "collections.OrderedDict": OrderedDict,
    "_codecs.encode": _encode,
    **{
        f"{builtins}.{name}": kind
        for builtins in ("builtins", "__builtin__")
        for name, kind in {
            "bytes": _bytes,
            "bytearray": _bytearray,
            "complex": complex,
            "dict": dict,
            "frozenset": frozenset,
            "list": list,
            "set": set,
            "tuple": tuple,
        }.items()
    },
}


class _Restricted(pickle._Unpickler):
    """An unpickler that calls what is allowed, and builds nothing but arrays and dtypes."""

    stack: list[Any]
    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(pickle._Unpickler.dispatch)

    def __init__(self, stream: IO[bytes], name: str, allowed: Mapping[str, Any]) -> None:
        super().__init__(cast(Any, stream), encoding="latin1", fix_imports=False)
        self.name = name
        self.allowed = allowed

    def find_class(self, module: str, name: str) -> Any:
        """Return what an allowed name stands for.

        Raises:
            DataError: the name is not on the list.
        """
        full = f"{module}.{name}"
        if full not in self.allowed:
            raise DataError(f"{self.name}: the pickle asks for {full!a:.80}, which is not allowed")
        return self.allowed[full]

    def load_reduce(self) -> None:
        """Call a function, but never the array type itself, which allocates what it is told."""
        arguments = self.stack.pop()
        function = self.stack[-1]
        if function is np.ndarray or not any(function is each for each in self.allowed.values()):
            raise pickle.UnpicklingError("a call of something that is not allowed")
        self.stack[-1] = function(*arguments)

    def load_build(self) -> None:
        """Set the state of a fresh array or dtype."""
        state = self.stack.pop()
        target = self.stack[-1]
        if isinstance(target, np.dtype):
            _check_dtype_state(target, state)
        elif type(target) is not np.ndarray or target.size or target.base is not None:
            raise pickle.UnpicklingError(f"state for a {type(target).__name__}")
        target.__setstate__(state)

    def load_refused(self) -> None:
        """Refuse the opcodes that make instances of classes: no data set needs them."""
        raise pickle.UnpicklingError("an instance of a class")


_OVERRULED: dict[bytes, Callable[[_Restricted], None]] = {
    pickle.REDUCE: _Restricted.load_reduce,
    pickle.BUILD: _Restricted.load_build,
    pickle.INST: _Restricted.load_refused,
    pickle.OBJ: _Restricted.load_refused,
    pickle.NEWOBJ: _Restricted.load_refused,
    pickle.NEWOBJ_EX: _Restricted.load_refused,
    pickle.EXT1: _Restricted.load_refused,
    pickle.EXT2: _Restricted.load_refused,
    pickle.EXT4: _Restricted.load_refused,
}
_Restricted.dispatch.update({code[0]: load for code, load in _OVERRULED.items()})


def _check_dtype_state(dtype: np.dtype[Any], state: Any) -> None:
    """Let only the byte order through; all else must be what numpy knows of the dtype itself."""
    version, order, *fields, size, alignment, flags = state
    plain = fields == [None] * 3 and size in (-1, dtype.itemsize)
    plain &= alignment in (-1, dtype.alignment) and flags == dtype.flags
    if version not in (3, 4) or order not in ("<", ">", "=", "|") or not plain:
        raise pickle.UnpicklingError("a dtype that is not a plain one")


def load(source: Path | IO[bytes], *, allowed: Mapping[str, Any] = ALLOWED) -> Any:
    """Read a pickle of plain data; gzip is recognised; Python 2's strings are read as latin-1.

    Args:
        source: a path or an open stream.
        allowed: what each dotted name in the pickle may stand for.

    Raises:
        DataError: the pickle is truncated, damaged, or asks for something that is not allowed.
    """
    if not isinstance(source, Path):
        name = str(getattr(source, "name", "pickle"))
        with _damage_told(name):
            return _Restricted(source, name, allowed).load()
    with _damage_told(str(source)), source.open("rb") as stream:
        packed = stream.read(2) == GZIP
        stream.seek(0)
        if not packed:
            return _Restricted(cast(IO[bytes], _Bounded(stream)), str(source), allowed).load()
        content = cast(IO[bytes], gzip.GzipFile(fileobj=stream))
        found = _Restricted(content, str(source), allowed).load()
        # Reading to the very end is what makes gzip compare its checksum.
        if content.read(1):
            raise ValueError("more bytes after its end")
        return found


def load_npy(
    path: Path, *, mmap: bool = False, allowed: Mapping[str, Any] = ALLOWED
) -> npt.NDArray[Any]:
    """Read a ``.npy`` file, also one of Python objects (a dictionary is ``load_npy(path)[()]``).

    Args:
        path: the file.
        mmap: map an array of numbers into memory instead of reading it.
        allowed: as for ``load``.

    Raises:
        DataError: as for ``load``, or the file is no ``.npy``.
    """
    with _damage_told(str(path), what=".npy file"), path.open("rb") as stream:
        version = np.lib.format.read_magic(stream)
        if version == (1, 0):
            shape, _, dtype = np.lib.format.read_array_header_1_0(stream)
        elif version == (2, 0):
            shape, _, dtype = np.lib.format.read_array_header_2_0(stream)
        else:
            raise ValueError(f"version {version} of the format")
        if not dtype.hasobject:
            array: npt.NDArray[Any] = np.load(
                path, mmap_mode="r" if mmap else None, allow_pickle=False
            )
            return array
        if dtype != np.dtype(object):
            raise ValueError("a structured array of objects")
        found = _Restricted(cast(IO[bytes], _Bounded(stream)), str(path), allowed).load()
        if not isinstance(found, np.ndarray) or found.size != math.prod(shape):
            raise ValueError(f"the pickle is not an array of shape {shape}")
        return found.reshape(shape)


class _Bounded:
    """A file that is never asked for more than it has: no giant buffer for a lying length."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.readline = stream.readline
        self.size = os.fstat(stream.fileno()).st_size

    def read(self, count: int) -> bytes:
        """Read exactly that many bytes."""
        if count > self.size - self.stream.tell():
            raise EOFError("it ends too early")
        return self.stream.read(count)


@contextmanager
def _damage_told(name: str, what: str = "pickle") -> Iterator[None]:
    """Turn whatever a damaged file makes the readers raise into one line."""
    try:
        yield
    except FileNotFoundError:
        raise DataError(f"{name}: no such file") from None
    except DataError:
        raise
    except (Exception, MemoryError) as error:
        # Any opcode on any stack: a list of exceptions would never be complete.
        reason = " ".join(str(error).split())[:120] or type(error).__name__
        raise DataError(f"{name}: not a whole {what} of plain data ({reason})") from None
