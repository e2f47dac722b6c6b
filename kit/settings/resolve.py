"""Layers: default, then dims, kind, task, protocol, recipe, profile, tier; the later one wins.

A settings file holds plain settings at its top (the default) and condition tables, which may
nest: ``[protocol.released]``, ``[profile.lite.task.darcy-flow.search]``. A recipe is a set of
settings that is asked for by its name, ``-o recipe=NAME``. Two kinds of tasks begin with the
layers of another: ``[kind.point]`` holds for regression too, ``[kind.dense]`` for segmentation.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

CONDITIONS = ("dims", "kind", "task", "protocol", "recipe", "profile", "tier")
LIKE = {"regression": "point", "segmentation": "dense"}


def resolve(document: Mapping[str, Any], facts: Mapping[str, str]) -> dict[str, Any]:
    """Return the settings of ``document`` that hold under ``facts`` (condition -> value)."""
    settings: dict[str, Any] = {}
    for layer in _layers(document, facts):
        settings = merge(settings, layer)
    return settings


def merge(below: Mapping[str, Any], above: Mapping[str, Any]) -> dict[str, Any]:
    """Return ``below`` with the values of ``above`` laid over it, table by table."""
    merged = dict(below)
    for name, value in above.items():
        under = merged.get(name)
        if isinstance(value, Mapping) and isinstance(under, Mapping):
            value = merge(under, value)
        merged[name] = value
    return merged


def _layers(table: Mapping[str, Any], facts: Mapping[str, str]) -> Iterator[dict[str, Any]]:
    yield {name: value for name, value in table.items() if name not in CONDITIONS}
    for condition in CONDITIONS:
        value = facts.get(condition, "")
        known = (LIKE[value], value) if condition == "kind" and value in LIKE else (value,)
        for name in known:
            branch = table.get(condition, {}).get(name)
            if branch is not None:
                yield from _layers(branch, facts)
