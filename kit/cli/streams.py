"""Standard streams: characters that a terminal lacks, closed streams and full devices."""

from __future__ import annotations

import io
import os
import re
import shutil
import sys
from typing import TextIO

STANDARD = (0, 1, 2)


def prepare() -> None:
    """Make the standard streams safe to write to.

    A character that the terminal does not have is replaced. A closed stream is opened on the null
    device: otherwise the next file that is opened would get its number.
    """
    for number in STANDARD:
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, so this one
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="replace")


def errors() -> TextIO | None:
    """Return where errors are told: where that is closed, among the output."""
    return sys.stderr or sys.stdout


def flush() -> None:
    """Write out all buffered output, so that errors come up here and not at the process's end.

    Raises:
        OSError: the device is full, or the reader is gone.
    """
    if sys.stdout is not None:
        sys.stdout.flush()


def abandon() -> None:
    """Give up an output that takes no more: at the end of the process it would fail again."""
    try:
        flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)


def refusal(error: OSError) -> str:
    """Return what the system refused, in words; where it names no file, that is the output."""
    if isinstance(error, shutil.Error):
        # Of a folder that was copied: (from, to, why) of each file.
        source, target, why = error.args[0][0]
        words = re.sub(r"^\[Errno \d+\] |: ['\"].*", "", why)
        return f"{target if str(target) in why else source}: {words}"
    # Of two files, the first was only read.
    return f"{error.filename2 or error.filename or 'output'}: {error.strerror or error}"
