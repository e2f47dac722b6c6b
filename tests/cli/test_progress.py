from __future__ import annotations

import io
import sys

import pytest

from kit.cli.progress import bar


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


@pytest.mark.parametrize(("of_bytes", "shown"), [(True, "5.0/20.0 MB"), (False, "25%")])
def test_bytes_are_shown_as_people_read_them(
    of_bytes: bool, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setenv("COLUMNS", "120")
    with bar("audio.zip", of_bytes=of_bytes) as show:
        show(5_000_000, 20_000_000)
    assert shown in terminal.getvalue()
    assert ("MB" in terminal.getvalue()) == of_bytes


def test_without_a_terminal_nothing_is_shown(capsys: pytest.CaptureFixture[str]) -> None:
    with bar("audio.zip", of_bytes=True) as show:
        show(5_000_000, 20_000_000)
    assert capsys.readouterr() == ("", "")
