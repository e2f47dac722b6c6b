"""Modules import each other in one direction, also where a function does it."""

from __future__ import annotations

import sys
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import grimp
import pytest


def cycle(package: str) -> list[str]:
    """Modules of a package that import each other in a circle; empty where none do."""
    graph = grimp.build_graph(package, cache_dir=None)
    imports = {name: graph.find_modules_directly_imported_by(name) for name in graph.modules}
    try:
        TopologicalSorter(imports).prepare()
    except CycleError as error:
        return list(error.args[1])
    return []


def test_no_modules_import_each_other_in_a_circle() -> None:
    assert cycle("kit") == []


def test_a_circle_within_a_function_is_found(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "in_a_circle"
    folder.mkdir()
    (folder / "__init__.py").touch()
    (folder / "a.py").write_text("from in_a_circle import b\n")
    (folder / "b.py").write_text("def later():\n    from in_a_circle.a import b\n")
    monkeypatch.syspath_prepend(tmp_path)
    assert set(cycle("in_a_circle")) == {"in_a_circle.a", "in_a_circle.b"}
    sys.modules.pop("in_a_circle", None)
