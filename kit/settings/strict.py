"""Strict conversion: an unknown key or a wrong type is an error with near names."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterable, Mapping
from typing import Any, TypeVar, get_type_hints

import msgspec

from kit.errors import KitError, nearest

Struct = TypeVar("Struct", bound=msgspec.Struct)


def convert(values: Mapping[str, Any], kind: type[Struct], source: str) -> Struct:
    """Return ``values`` as a ``kind``.

    Raises:
        KitError: a key is unknown, a value has the wrong type, or a required one is missing.
    """
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise KitError(f"{source}: {_explain(str(error), kind)}") from None


def apply_overrides(
    values: Mapping[str, Any], overrides: Iterable[str], kind: type[msgspec.Struct]
) -> dict[str, Any]:
    """Return ``values`` with each ``key.sub=value`` applied; a value is TOML, else a string.

    Raises:
        KitError: an override is not of that form, or its key is no setting of ``kind``.
    """
    changed = msgspec.to_builtins(values)
    for override in overrides:
        path, equals, text = override.partition("=")
        if not equals:
            raise KitError(f"-o {override!r} is not of the form key=value")
        *tables, last = path.strip().split(".")
        target = changed
        level: Any = kind
        for name in [*tables, last]:
            _check(name, level, path)
            level = _field(level, name)
        for name in tables:
            target = target.setdefault(name, {})
        target[last] = _value(text)
    return changed


def toml(value: Any) -> str:
    """Return a value of tables, lists, texts and numbers as TOML, on one line."""
    if isinstance(value, Mapping):
        pairs = (f"{toml(name)} = {toml(each)}" for name, each in value.items())
        return f"{{ {', '.join(pairs)} }}"
    if isinstance(value, list | tuple):
        return f"[{', '.join(map(toml, value))}]"
    # What JSON has of single values is TOML's, too.
    return msgspec.json.encode(value).decode()


def _check(name: str, kind: Any, path: str) -> None:
    if isinstance(kind, type) and issubclass(kind, msgspec.Struct):
        if name not in kind.__struct_fields__:
            raise KitError(f"-o: no setting {path!r}{nearest(name, kind.__struct_fields__)}")
    elif kind is None:
        raise KitError(f"-o: no setting {path!r}: {path.rpartition('.')[0]!r} is not a table")


def _field(kind: Any, name: str) -> Any:
    """Return the struct type below ``name``, ``dict`` for an open table, None for a value."""
    if not (isinstance(kind, type) and issubclass(kind, msgspec.Struct)):
        return None
    hint = get_type_hints(kind)[name]
    if isinstance(hint, type) and issubclass(hint, msgspec.Struct):
        return hint
    return dict if "Mapping" in str(hint) or "dict" in str(hint) else None


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text


def _explain(message: str, kind: type[msgspec.Struct]) -> str:
    """Turn the library's message into one that names the setting and near ones."""
    text, _, path = message.partition(" - at `$")
    place = path.rstrip("`").lstrip(".")
    found = re.search(r"unknown field `(.+?)`", text)
    if found:
        level: Any = kind
        for name in filter(None, place.split(".")):
            level = _field(level, name)
        full = f"{place}.{found[1]}".lstrip(".")
        return f"no setting {full!r}{nearest(found[1], level.__struct_fields__)}"
    return f"setting {place!r}: {text}" if place else text
