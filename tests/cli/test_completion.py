"""Names that the shell completes."""

from __future__ import annotations

import os

import pytest

from kit import paths
from tests.conftest import Run


def test_completion_knows_the_tasks(kit: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "_KIT_COMPLETE=bash_complete" in kit("completion", "bash").stdout
    monkeypatch.setenv("_KIT_COMPLETE", "bash_complete")
    monkeypatch.setenv("COMP_WORDS", "kit run dar")
    monkeypatch.setenv("COMP_CWORD", "2")
    assert "darcy-flow" in kit().stdout
    assert os.environ["COMP_CWORD"] == "2"
    (folder := paths.results() / "nas-bench-201").mkdir(parents=True)
    (folder / "mine-12-777.parquet").touch()
    for words, name in (
        ("kit figure arch", "architecture"),
        ("kit figure r", "runtimes"),
        ("kit table --paper n", "nas-bench-360"),
        ("kit reproduce --study a", "ablation"),
        ("kit reproduce --figure 1", "1a"),
        ("kit compare wrn da", "dash"),
        ("kit lookup m", "mine-12-777"),
    ):
        monkeypatch.setenv("COMP_WORDS", words)
        monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
        assert f"plain,{name}\n" in kit().stdout
