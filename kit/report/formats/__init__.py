"""Formats of a table: one module each, found by name, with ``render(table) -> str``."""

from __future__ import annotations

import importlib
import pkgutil

from kit.errors import unknown
from kit.report.grid import Table


def names() -> list[str]:
    """Return the names of the formats."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def render(table: Table, name: str) -> str:
    """Return a table as text in a format, ending in a newline.

    Raises:
        KitError: there is no such format; near names are suggested.
    """
    if name not in names():
        raise unknown("format", name, names())
    return str(importlib.import_module(f"{__name__}.{name}").render(table))
