"""Python's unpickler, in which the opcodes that make, call or change objects are replaced."""

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

# Largest number of opcodes. One may make an object of 200 bytes, so memory is at most 1.6 GB.
OPCODES = 8_000_000
# Bytes and entries that may be copied, besides as many as were read; this limits copies of copies.
COPIES = 1 << 20


class _Memo(dict[int, Any]):
    """The unpickler's memo; it records in each ``Unbuilt`` the keys under which it is stored."""

    def __setitem__(self, place: int, value: Any) -> None:
        if isinstance(value, Unbuilt):
            value.places.append(place)
        super().__setitem__(place, value)


class _Counted(dict[int, Callable[[Any], None]]):
    """The functions of the opcodes, of which at most a given number may be looked up."""

    def __init__(self, functions: dict[int, Callable[[Any], None]], most: int) -> None:
        super().__init__(functions)
        self.most = self.left = most

    def __getitem__(self, code: int) -> Callable[[Any], None]:
        self.left -= 1
        if self.left < 0:
            raise pickle.UnpicklingError(f"more than {self.most} opcodes")
        return super().__getitem__(code)


class Restricted(pickle._Unpickler):
    """An unpickler that calls only allowed functions, and builds only arrays and dtypes."""

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
        """Return the content of the pickle.

        Raises:
            UnpicklingError: the pickle has an array without its state.
        """
        collecting = gc.isenabled()
        gc.disable()  # it would scan all new objects again and again, and free none
        try:
            content = super().load()
        finally:
            if collecting:
                gc.enable()
        if self.unbuilt:
            raise pickle.UnpicklingError("an array without content")
        return content

    def find_class(self, module: str, name: str) -> Any:
        """Return the function or marker that an allowed name stands for.

        Raises:
            DataError: the name is not allowed.
        """
        full = f"{module}.{name}"
        if full not in ALLOWED:
            raise DataError(f"{self.name}: the pickle asks for {full!a:.80}, which is not allowed")
        return ALLOWED[full]

    def load_reduce(self) -> None:
        """Call an allowed function with its arguments."""
        arguments = self.stack.pop()
        function = self.stack[-1]
        if not callable(function) or not any(function is each for each in ALLOWED.values()):
            raise pickle.UnpicklingError("a call of something that is not allowed")
        if function is OrderedDict and arguments:
            raise pickle.UnpicklingError("an OrderedDict that does not begin empty")
        for each in arguments:
            self._copy(each)
        self.stack[-1] = result = function(*arguments)
        self.unbuilt += isinstance(result, Unbuilt)

    def load_build(self) -> None:
        """Build an array or a dtype from its state."""
        state = self.stack.pop()
        target = self.stack[-1]
        if not isinstance(target, Unbuilt):
            raise pickle.UnpicklingError(f"state for a {type(target).__name__}")
        for each in state:
            # An array uses the bytes without a copy.
            if not isinstance(each, bytes):
                self._copy(each)
        self.stack[-1] = built = target.build(state)
        self.unbuilt -= 1
        for place in target.places:
            self.memo[place] = built

    def load_items(self) -> None:
        """Add the items after the mark to the dictionary, list or set before it."""
        items = self.pop_mark()  # type: ignore[attr-defined]
        self._put(items)

    def load_append(self) -> None:
        """Add one value to a list."""
        self._put([self.stack.pop()])

    def load_setitem(self) -> None:
        """Add one key and its value to a dictionary."""
        value = self.stack.pop()
        self._put([self.stack.pop(), value])

    def load_dict(self) -> None:
        """Make a dictionary of the items after the mark."""
        items = self.pop_mark()  # type: ignore[attr-defined]
        self.stack.append({})
        self._put(items)

    def load_frozenset(self) -> None:
        """Make a frozen set of the items after the mark."""
        items = self.pop_mark()  # type: ignore[attr-defined]
        self.stack.append(frozenset(keys(items)))

    def load_bytearray8(self) -> None:
        """Read a bytearray; memory is not allocated before its bytes are read."""
        (size,) = struct.unpack("<Q", self.read(8))  # type: ignore[attr-defined]
        self.stack.append(bytearray(self.read(size)))  # type: ignore[attr-defined]

    def load_refused(self) -> None:
        """Refuse an opcode that makes an instance of a class: data do not need them."""
        raise pickle.UnpicklingError("an instance of a class")

    def _put(self, items: list[Any]) -> None:
        """Add items to the list, set or dictionary on top of the stack."""
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
        """Count the size of a value that a call may copy, and refuse too many copies."""
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
