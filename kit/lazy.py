"""Imports that wait until they are needed, so that facts need no torch; and then are quick."""

from __future__ import annotations

import gc
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib import import_module
from typing import Any


def names(package: str, modules: Mapping[str, Sequence[str]]) -> Callable[[str], Any]:
    """Return a package's ``__getattr__`` (PEP 562).

    Args:
        package: its ``__name__``.
        modules: below it, with the names that each has.
    """
    owner = {name: module for module, parts in modules.items() for name in parts}

    def get(name: str) -> Any:
        if name not in owner:
            raise AttributeError(f"module {package!r} has no attribute {name!r}")
        return getattr(import_module(f"{package}.{owner[name]}"), name)

    return get


@contextmanager
def torch_at_once() -> Iterator[None]:
    """Import torch, and what is built on it, without looking for garbage in the meantime.

    Its hundreds of thousands of objects stay, so no later collection looks at them, either.
    """
    if "torch" in sys.modules or not gc.isenabled():
        yield
        return
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.freeze()
