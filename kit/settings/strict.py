"""Strict conversion: an unknown key or a wrong type is an error with near names."""

from __future__ import annotations

import math
import re
import tomllib
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Literal, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from kit.errors import KitError, nearest

Struct = TypeVar("Struct", bound=msgspec.Struct)


def convert(values: Mapping[str, Any], kind: type[Struct], source: str, under: str = "") -> Struct:
    """Return ``values`` as a ``kind``.

    Args:
        values: by their names.
        kind: what they are checked against.
        source: where they come from.
        under: what their full names begin with, such as ``data.load.``.

    Raises:
        KitError: a key is unknown, a value has the wrong type, or a required one is missing.
    """
    try:
        return msgspec.convert(values, kind)
    except msgspec.ValidationError as error:
        raise KitError(f"{source}: {_explain(str(error), kind, under)}") from None


def apply_overrides(
    values: Mapping[str, Any], overrides: Iterable[str], kind: type[msgspec.Struct]
) -> dict[str, Any]:
    """Return ``values`` with each ``key.sub=value`` applied; a value is TOML, else a string.

    Raises:
        KitError: an override is not of that form, its key is no setting of ``kind``, or a number
            is not finite.
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
    check_finite(changed, "-o")
    return changed


def check_finite(values: Mapping[str, Any], source: str) -> None:
    """Refuse numbers that the JSON of a spec, which other processes read, cannot hold.

    Args:
        values: settings by their names, nested.
        source: where they come from.

    Raises:
        KitError: naming a setting that is infinite or NaN.
    """
    for name, number in _not_finite(values, ""):
        raise KitError(f"{source}: setting {name!r}: Expected a finite number, not {number}")


def _not_finite(value: Any, name: str) -> Iterator[tuple[str, float]]:
    """Yield the numbers in nested values that are infinite or NaN, with their full names."""
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _not_finite(each, f"{name}.{key}".lstrip("."))
    elif isinstance(value, list | tuple):
        for index, each in enumerate(value):
            yield from _not_finite(each, f"{name}[{index}]")
    elif isinstance(value, float) and not math.isfinite(value):
        yield name, value


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
    if _is_struct(kind):
        if name not in kind.__struct_fields__:
            raise KitError(f"-o: no setting {path!r}{nearest(name, kind.__struct_fields__)}")
    elif kind is None:
        raise KitError(f"-o: no setting {path!r}: {path.rpartition('.')[0]!r} is not a table")


def _field(kind: Any, name: str) -> Any:
    """Return the struct type below ``name``, ``dict`` for an open table, None for a value."""
    if not _is_struct(kind):
        return None
    hint = get_type_hints(kind)[name]
    if _is_struct(hint):
        return hint
    return dict if "Mapping" in str(hint) or "dict" in str(hint) else None


def _value(text: str) -> Any:
    try:
        return tomllib.loads(f"value = {text}")["value"]
    except (tomllib.TOMLDecodeError, RecursionError):
        return text


def _explain(message: str, kind: type[msgspec.Struct], under: str) -> str:
    """Turn the library's message into one that names the setting and near ones."""
    text, _, path = message.partition(" - at `$")
    place = path.rstrip("`").lstrip(".")
    found = re.search(r"unknown field `(.+?)`", text)
    if found:
        level = next(filter(_is_struct, _within(_at(kind, place))))
        full = under + f"{place}.{found[1]}".lstrip(".")
        return f"no setting {full!r}{nearest(found[1], level.__struct_fields__)}"
    found = re.fullmatch(r"Invalid enum value '(.*)'", text, re.S)
    if found:
        literals = [each for each in _within(_at(kind, place)) if get_origin(each) is Literal]
        words = [str(word) for each in literals for word in get_args(each)]
        return f"{under}{place} = {found[1]!r}{nearest(found[1], words)}"
    return f"setting {under + place!r}: {text}" if place else text


def _at(kind: Any, place: str) -> Any:
    """Return the type of the setting at a place; that of a place within it is a part of that."""
    for name in filter(None, re.sub(r"\[.*?\]", "", place).split(".")):
        kind = get_type_hints(next(filter(_is_struct, _within(kind))))[name]
    return kind


def _within(kind: Any) -> Iterator[Any]:
    """Yield a type and, unless it is one of words, all that it is made of."""
    yield kind
    if get_origin(kind) is not Literal:
        for each in get_args(kind):
            yield from _within(each)


def _is_struct(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)
