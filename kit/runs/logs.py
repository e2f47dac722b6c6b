"""Logs of runs: their last lines, whatever bytes they hold, and a bound on their size."""

from __future__ import annotations

import re
from pathlib import Path

LIMIT_BYTES = 64 << 20
KEPT_BYTES = 8 << 20
WINDOW_BYTES = 64 << 10
ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def tail(path: Path, lines: int = 20, end: int | None = None) -> list[str]:
    """Return the last lines that are not empty, as a terminal shows them in the end.

    A progress bar, redrawn by carriage returns, is its last state. Bytes that are no UTF-8 are
    replaced, escape sequences dropped. At most 64 KB are read.

    Args:
        path: of the log.
        lines: at most so many.
        end: the position in bytes up to which the log is read; None for all of it.
    """
    try:
        with path.open("rb") as stream:
            end = stream.seek(0, 2) if end is None else end
            start = stream.seek(max(0, end - WINDOW_BYTES))
            content = stream.read(end - start)
    except FileNotFoundError:
        return []
    return [line for line in map(shown, content.split(b"\n")) if line][-lines:]


def shown(line: bytes) -> str:
    """Return a line as a terminal shows it in the end."""
    text = ESCAPES.sub("", line.decode("utf-8", "replace")).rstrip()
    text = text.rpartition("\r")[2].rstrip()
    return "".join(sign if sign.isprintable() or sign == "\t" else "�" for sign in text)


def cap(path: Path, limit: int = LIMIT_BYTES, kept: int = KEPT_BYTES) -> None:
    """Cut a log that has grown over the limit down to its end; to be called now and then.

    Whoever writes it must append (``O_APPEND``) and can go on. What it writes in the very moment
    may be lost, the end of a line, too: what is kept ends as a line.
    """
    try:
        size = path.stat().st_size
    except FileNotFoundError:
        return
    if size <= limit:
        return
    # The end is in its place before the rest is cut off: what the writer appends until then is
    # lost, but nothing of it comes before what it had written earlier.
    with path.open("r+b", buffering=0) as stream:
        stream.seek(size - kept)
        end = stream.read()
        stop = b"" if end.endswith(b"\n") else b"\n"
        stream.seek(0)
        stream.write(f"[kit: {size - kept} bytes cut here]\n".encode() + end + stop)
        stream.truncate()
