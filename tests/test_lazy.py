"""Imports of torch take no look for garbage, and leave none to later looks."""

from __future__ import annotations

import gc
import sys

import pytest

from kit import lazy


def test_nothing_is_collected_while_torch_is_imported(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    kept = [[number] for number in range(1000)]
    frozen = gc.get_freeze_count()
    with lazy.torch_at_once():
        assert not gc.isenabled()
    assert gc.isenabled()
    assert gc.get_freeze_count() >= frozen + len(kept)


def test_collections_go_on_after_an_import_that_fails(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "torch", raising=False)
    with pytest.raises(ImportError), lazy.torch_at_once():
        raise ImportError
    assert gc.isenabled()


def test_nothing_changes_where_torch_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "torch", sys)
    frozen = gc.get_freeze_count()
    with lazy.torch_at_once():
        assert gc.isenabled()
    assert gc.get_freeze_count() == frozen
