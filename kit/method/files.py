"""What the files in a method's folder say: its settings, and of which method it is a variant."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Literal

import msgspec

from kit.errors import KitError
from kit.settings import Positive, check_finite, convert

FACTS, SETTINGS, TABLE = "info.py", "settings.toml", "method"
# A folder with one of these files is a method.
MARKERS = (FACTS, SETTINGS)


class MethodVariant(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The table ``[method]`` of a method that is another one with other settings.

    Attributes:
        extends: the other one.
        version: None for that one's; to be raised where the same settings give other results.
        dims: None for that one's.
    """

    extends: str
    title: str
    version: Positive | None = None
    dims: tuple[Literal[1, 2], ...] | None = None


def variant(file: Path) -> MethodVariant:
    """Return what the settings file of a folder without facts says.

    Raises:
        KitError: it cannot be read, or there is no such table, or it is wrong.
    """
    table = _parsed(file).get(TABLE)
    if not isinstance(table, Mapping):
        raise KitError(
            f"{file}: a method without {FACTS} needs a table [{TABLE}] with 'extends' and 'title'"
        )
    return convert(table, MethodVariant, f"{file}, [{TABLE}]")


def layers(folder: Path) -> Mapping[str, Any]:
    """Return a method's own layers of settings.

    Raises:
        KitError: the file cannot be read.
    """
    document = _parsed(folder / SETTINGS)
    if (folder / FACTS).exists():
        return document
    return {name: value for name, value in document.items() if name != TABLE}


def _parsed(file: Path) -> Mapping[str, Any]:
    try:
        return _toml(file.read_text(encoding="utf-8"), str(file))
    except (OSError, ValueError) as error:
        raise KitError(f"{file} cannot be read: {error}") from None


@cache
def _toml(text: str, source: str) -> Mapping[str, Any]:
    """Parse a settings file once; whoever asks gets the same tables and leaves them alone."""
    document = tomllib.loads(text)
    check_finite(document, source)
    return document
