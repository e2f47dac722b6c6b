"""Python's own unpickler with the opcodes overruled that make, call or change anything."""

from __future__ import annotations

import gc
import pickle
import struct
from collections import OrderedDict
from collections.abc import Callable
from typing import Any, ClassVar, cast

from kit.data import bounded
from kit.errors import DataError

from .names import ALLOWED, Unbuilt, keys

# One opcode may make an object of 200 bytes: this bounds memory at about 1.6 GB.
OPCODES = 8_000_000
# Bytes and entries that may be copied beyond as many as were read: no growth by copies of copies.
COPIES = 1 << 20


class _Memo(dict[int, Any]):
    """The unpickler's memo; what is unbuilt learns its places."""

    def __setitem__(self, place: int, value: Any) -> None:
        if isinstance(value, Unbuilt):
            value.places.append(place)
        super().__setitem__(place, value)


class _Counted(dict[int, Callable[[Any], None]]):
    """Opcodes, so many of them."""

    def __init__(self, functions: dict[int, Callable[[Any], None]], most: int) -> None:
        super().__init__(functions)
        self.most = self.left = most

    def __getitem__(self, code: int) -> Callable[[Any], None]:
        self.left -= 1
        if self.left < 0:
            raise pickle.UnpicklingError(f"more than {self.most} opcodes")
        return super().__getitem__(code)


class Restricted(pickle._Unpickler):
    """An unpickler that calls what is allowed, and builds nothing but arrays and dtypes."""

    stack: list[Any]
    memo: dict[int, Any]
    dispatch: ClassVar[dict[int, Callable[[Any], None]]] = dict(pickle._Unpickler.dispatch)

    def __init__(self, stream: bounded.Bounded, name: str, opcodes: int = OPCODES) -> None:
        super().__init__(cast(Any, stream), encoding="latin1", fix_imports=False)
        self.name, self.source = name, stream
        self.memo = _Memo()
        self.copied = self.unbuilt = 0
        self.dispatch = _Counted(self.dispatch, opcodes)  # type: ignore[misc]

    def load(self) -> Any:
        """Return what the pickle holds.

        Raises:
            UnpicklingError: an array in it was never told its content.
        """
        collecting = gc.isenabled()
        gc.disable()  # which would go through all that was made again and again; it is all in use
        try:
            found = super().load()
        finally:
            if collecting:
                gc.enable()
        if self.unbuilt:
            raise pickle.UnpicklingError("an array without content")
        return found

    def find_class(self, module: str, name: str) -> Any:
        """Return what an allowed name stands for.

        Raises:
            DataError: the name is not on the list.
        """
        full = f"{module}.{name}"
        if full not in ALLOWED:
            raise DataError(f"{self.name}: the pickle asks for {full!a:.80}, which is not allowed")
        return ALLOWED[full]

    def load_reduce(self) -> None:
        """Call a function of this module."""
        arguments = self.stack.pop()
        function = self.stack[-1]
        if not callable(function) or not any(function is each for each in ALLOWED.values()):
            raise pickle.UnpicklingError("a call of something that is not allowed")
        if function is OrderedDict and arguments:
            raise pickle.UnpicklingError("an OrderedDict that does not begin empty")
        for each in arguments:
            self._copy(each)
        self.stack[-1] = found = function(*arguments)
        self.unbuilt += isinstance(found, Unbuilt)

    def load_build(self) -> None:
        """Make an array or a dtype of its state."""
        state = self.stack.pop()
        target = self.stack[-1]
        if not isinstance(target, Unbuilt):
            raise pickle.UnpicklingError(f"state for a {type(target).__name__}")
        for each in state:
            # Bytes are what an array stands on: they are not copied.
            if not isinstance(each, bytes):
                self._copy(each)
        self.stack[-1] = built = target.build(state)
        self.unbuilt -= 1
        for place in target.places:
            self.memo[place] = built

    def load_items(self) -> None:
        """Put what follows the mark into the dictionary, list or set below it."""
        items = self.pop_mark()  # type: ignore[attr-defined]
        self._put(items)

    def load_append(self) -> None:
        """Put one value into a list."""
        self._put([self.stack.pop()])

    def load_setitem(self) -> None:
        """Put one pair into a dictionary."""
        value = self.stack.pop()
        self._put([self.stack.pop(), value])

    def load_dict(self) -> None:
        """Make a dictionary of what follows the mark."""
        items = self.pop_mark()  # type: ignore[attr-defined]
        self.stack.append({})
        self._put(items)

    def load_frozenset(self) -> None:
        """Make a set of what follows the mark."""
        items = self.pop_mark()  # type: ignore[attr-defined]
        self.stack.append(frozenset(keys(items)))

    def load_bytearray8(self) -> None:
        """Read a mutable string of bytes as what it is, once it is there."""
        (size,) = struct.unpack("<Q", self.read(8))  # type: ignore[attr-defined]
        self.stack.append(bytearray(self.read(size)))  # type: ignore[attr-defined]

    def load_refused(self) -> None:
        """Refuse the opcodes that make instances of classes: no data set needs them."""
        raise pickle.UnpicklingError("an instance of a class")

    def _put(self, items: list[Any]) -> None:
        target = self.stack[-1]
        if type(target) is list:
            target.extend(items)
        elif type(target) is set:
            target.update(keys(items))
        elif type(target) in (dict, OrderedDict):
            target.update(zip(keys(items[::2]), items[1::2], strict=True))
        else:
            raise pickle.UnpicklingError(f"items for a {type(target).__name__}")

    def _copy(self, value: object) -> None:
        """Count what a call copies."""
        if isinstance(value, str | bytes | bytearray | list):
            self.copied += len(value)
        if self.copied > self.source.count + COPIES:
            raise pickle.UnpicklingError("more copies than content")


_OVERRULED: dict[bytes, Callable[[Restricted], None]] = {
    pickle.REDUCE: Restricted.load_reduce,
    pickle.BUILD: Restricted.load_build,
    pickle.APPEND: Restricted.load_append,
    pickle.SETITEM: Restricted.load_setitem,
    **dict.fromkeys((pickle.APPENDS, pickle.SETITEMS, pickle.ADDITEMS), Restricted.load_items),
    pickle.DICT: Restricted.load_dict,
    pickle.FROZENSET: Restricted.load_frozenset,
    pickle.BYTEARRAY8: Restricted.load_bytearray8,
    **dict.fromkeys(
        (pickle.INST, pickle.OBJ, pickle.NEWOBJ, pickle.NEWOBJ_EX), Restricted.load_refused
    ),
    **dict.fromkeys((pickle.EXT1, pickle.EXT2, pickle.EXT4), Restricted.load_refused),
}
Restricted.dispatch.update({code[0]: load for code, load in _OVERRULED.items()})
