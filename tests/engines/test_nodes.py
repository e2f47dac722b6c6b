"""Meetings of nodes: what a killed process has left of one is removed by the next."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from kit.engines import nodes
from kit.files import locked


@pytest.fixture
def meetings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("KIT_RESULTS", str(tmp_path))
    return tmp_path / "nodes"


def left(folder: Path, hours: float) -> Path:
    """Make a meeting that began some hours ago and whose process is gone."""
    folder.mkdir(parents=True)
    for name in (nodes.WORD, nodes.LOCK):
        (folder / name).touch()
        os.utime(folder / name, (time.time() - 3600 * hours,) * 2)
    return folder


def test_a_meeting_leaves_nothing(meetings: Path) -> None:
    with nodes.meeting() as folder:
        assert folder.parent == meetings
    assert not meetings.exists()


def test_abandoned_meetings_are_removed_and_others_stay(meetings: Path) -> None:
    abandoned, young = left(meetings / "abandoned", 25), left(meetings / "young", 23)
    held = left(meetings / "held", 25)
    with locked(held / nodes.LOCK) as ours, nodes.meeting():
        assert ours
        assert not abandoned.exists()
        assert young.is_dir()
        assert held.is_dir()
