"""The end of a log, whatever is in it, and a log that does not end."""

from __future__ import annotations

from pathlib import Path

from kit.runs import logs


def test_the_last_lines_as_a_terminal_shows_them(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    assert logs.tail(log) == []
    log.write_bytes(b"first\n\n  1%\r 50%\r100%\r\n\x1b[31mred\x1b[0m \xff\xfe bytes\nlast")
    assert logs.tail(log) == ["first", "100%", "red \ufffd\ufffd bytes", "last"]
    assert logs.tail(log, 1) == ["last"]
    assert logs.tail(log, end=11) == ["first", "  1%"], "whoever follows the log shows the rest"


def test_of_a_huge_log_only_the_end_is_read(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    with log.open("wb") as stream:
        stream.truncate(1 << 30)  # a hole of one gigabyte
        stream.seek(0, 2)
        stream.write(b"\nlast\n")
    assert logs.tail(log, 1) == ["last"]
    logs.cap(log)
    assert log.stat().st_size < logs.KEPT_BYTES + 100
    assert logs.tail(log, 1) == ["last"]


def test_a_log_that_is_cut_is_written_on(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    with log.open("ab", buffering=0) as writer:
        for number in range(1000):
            writer.write(b"line %d\n" % number)
        logs.cap(log, limit=1000, kept=100)
        writer.write(b"after\n")
    assert log.stat().st_size < 200
    lines = logs.tail(log)
    assert "bytes cut here" in lines[0]
    assert lines[-2:] == ["line 999", "after"]
    before = log.read_bytes()
    logs.cap(log, limit=1000)
    assert log.read_bytes() == before


def test_what_is_kept_ends_as_a_line(tmp_path: Path) -> None:
    log = tmp_path / "log.txt"
    log.write_bytes(b"line\n" * 300 + b"half a li")
    logs.cap(log, limit=1000, kept=100)
    with log.open("ab") as writer:
        writer.write(b"after\n")
    assert logs.tail(log)[-2:] == ["half a li", "after"]
