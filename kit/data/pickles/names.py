"""The functions that allowed names in a pickle stand for; they make arrays, dtypes, containers."""

from __future__ import annotations

import pickle
from collections import OrderedDict
from collections.abc import Callable, Iterable, Mapping
from typing import Any

import numpy as np

from kit.data import npy

# Types of keys, besides tuples of these; hashing of deeply nested tuples can crash the process.
FLAT = (str, bytes, int, float, bool, type(None))
# Stands for numpy's type in arguments; it is never called.
NDARRAY = object()


class Unbuilt:
    """An array or a dtype whose state comes later in the pickle.

    Attributes:
        build: returns the object, given its state.
        places: keys of the unpickler's memo under which it is stored.
    """

    def __init__(self, build: Callable[[Any], Any]) -> None:
        self.build = build
        self.places: list[int] = []


def _array(kind: object, shape: object, code: object) -> Unbuilt:
    """Replace numpy's ``_reconstruct``, which makes an empty array."""
    if kind is not NDARRAY or shape != (0,):
        raise pickle.UnpicklingError("an array that does not begin empty")
    return Unbuilt(_array_of_state)


def _array_of_state(state: Any) -> npy.Array:
    """Return the array of a state as numpy's ``__setstate__`` takes it."""
    version, shape, dtype, fortran, content = state
    if version != 1 or not isinstance(dtype, np.dtype):
        raise pickle.UnpicklingError("the state of an array is none")
    order: npy.Order = "F" if fortran else "C"
    if dtype.hasobject:
        return _of_objects(content, shape, order)
    return _flat(content, dtype, shape, order)


def _of_objects(content: Any, shape: Any, order: npy.Order) -> npy.Array:
    """Return an array of objects, given as a list."""
    if type(content) is not list or npy.count(shape) != len(content):
        raise pickle.UnpicklingError("an array of objects with more places than objects")
    if any(isinstance(each, Unbuilt) for each in content):
        raise pickle.UnpicklingError("an array within itself")
    array = np.empty(len(content), object)
    for place, each in enumerate(content):
        array[place] = each
    return array.reshape(shape, order=order)


def _flat(content: Any, dtype: Any, shape: Any, order: Any = "C") -> npy.Array:
    """Replace numpy's ``_frombuffer``: return the array that a buffer holds."""
    if not isinstance(dtype, np.dtype) or order not in ("C", "F"):
        raise pickle.UnpicklingError("an array of no dtype")
    return npy.flat(_encode(content) if isinstance(content, str) else content, dtype, shape, order)


def _dtype(name: object, align: object = False, copy: object = True) -> Unbuilt:
    """Replace numpy's ``dtype``; the state has the byte order."""
    dtype = np.dtype(object) if name in ("O", "O8") else npy.plain(name)

    def ordered(state: Any) -> np.dtype[Any]:
        """Return the dtype in the byte order of a state that has nothing else of its own."""
        version, order, *fields, size, alignment, flags = state
        known = fields == [None] * 3 and size in (-1, dtype.itemsize)
        known &= alignment in (-1, dtype.alignment) and flags == dtype.flags
        if version not in (3, 4) or order not in ("<", ">", "=", "|") or not known:
            raise pickle.UnpicklingError("a dtype that is not a plain one")
        return dtype.newbyteorder(order)

    return Unbuilt(ordered)


def _scalar(dtype: Any, content: Any = b"") -> Any:
    """Replace numpy's ``scalar``."""
    return _flat(content, dtype, ())[()]


def _bytes(content: bytes = b"") -> bytes:
    """Replace Python's ``bytes``, which also takes a size."""
    if not isinstance(content, bytes):
        raise pickle.UnpicklingError("bytes made of something else")
    return content


def _bytearray(content: bytes | str = b"", encoding: str = "latin-1") -> bytearray:
    return bytearray(_encode(content, encoding) if isinstance(content, str) else _bytes(content))


def _encode(text: str, encoding: str = "latin1") -> bytes:
    """Replace ``codecs.encode``, by which bytes are stored in pickles of protocols below 3."""
    if encoding not in ("latin1", "latin-1"):
        raise pickle.UnpicklingError("an encoding other than latin-1")
    return text.encode("latin1")


def keys(values: Iterable[Any]) -> list[Any]:
    """Return keys of a dictionary or members of a set as a list, after a check of their types.

    Raises:
        UnpicklingError: one is neither text nor a number, nor a tuple of these.
    """
    listed = list(values)
    if not all(type(each) in FLAT or _flat_tuple(each) for each in listed):
        raise pickle.UnpicklingError("a key that is neither text nor a number")
    return listed


def _flat_tuple(value: object) -> bool:
    """Return whether a value is a tuple of texts and numbers, not of further tuples."""
    return type(value) is tuple and all(type(each) in FLAT for each in value)


def _set(values: Any = ()) -> set[Any]:
    return set(keys(values))


def _frozenset(values: Any = ()) -> frozenset[Any]:
    return frozenset(keys(values))


# numpy 1 and numpy 2 name their modules differently, and so do Python 2 and Python 3.
ALLOWED: Mapping[str, Any] = {
    **{f"numpy.{core}.multiarray._reconstruct": _array for core in ("core", "_core")},
    **{f"numpy.{core}.multiarray.scalar": _scalar for core in ("core", "_core")},
    **{f"numpy.{core}.numeric._frombuffer": _flat for core in ("core", "_core")},
    "numpy.ndarray": NDARRAY,
    "numpy.dtype": _dtype,
    "collections.OrderedDict": OrderedDict,
    "_codecs.encode": _encode,
    **{
        f"{builtins}.{name}": function
        for builtins in ("builtins", "__builtin__")
        for name, function in {
            "bytes": _bytes,
            "bytearray": _bytearray,
            "complex": complex,
            "frozenset": _frozenset,
            "set": _set,
        }.items()
    },
}
