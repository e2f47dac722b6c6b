"""What cannot be packed."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from kit.cli.commands import results
from kit.errors import KitError
from tests.made_runs import make_run


def test_what_cannot_be_packed_is_told_before_a_report_is_built(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(archive: Path) -> str:
        words = ["pack", str(archive)]
        with pytest.raises((KitError, OSError)) as told:
            results.command.main(words, standalone_mode=False)
        return str(told.value)

    def built(*_: object) -> None:
        pytest.fail("a report is built")

    monkeypatch.setattr("kit.report.html.build", built)
    assert "no whole result" in refused(tmp_path / "new" / "x.zip")
    assert not (tmp_path / "new").exists()
    make_run()
    (tmp_path / "file").touch()
    assert str(tmp_path / "file") in refused(tmp_path / "file" / "x.zip")
    monkeypatch.setattr(os, "access", lambda *_: False)  # as where the file system is read-only
    assert refused(tmp_path / "x.zip") == f"{tmp_path} is no folder to write to"
