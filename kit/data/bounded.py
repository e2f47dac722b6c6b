"""Reading untrusted files: no buffer is allocated for a length that a file only claims."""

from __future__ import annotations

import gzip
from typing import IO

from kit.errors import DataError

# Compressed data may expand by this factor, and to this many bytes in any case.
RATIO, FLOOR = 100, 1 << 30
STEP = 1 << 20


def room(packed: int) -> int:
    """Return the largest size in bytes to which ``packed`` compressed bytes may expand."""
    return max(FLOOR, RATIO * packed)


def exactly(stream: IO[bytes], count: int) -> bytearray:
    """Read exactly ``count`` bytes; memory grows with what is read, not with ``count``.

    Raises:
        EOFError: the stream ends before.
    """
    content = bytearray()
    while len(content) < count:
        step = stream.read(min(STEP, count - len(content)))
        if not step:
            raise EOFError("it ends too early")
        content += step
    return content


def whole(place: str, stream: IO[bytes] | gzip.GzipFile, limit: int) -> bytes:
    """Read a stream to its end.

    Args:
        place: file and member, for the error message.
        stream: the stream to read.
        limit: largest number of bytes allowed.

    Raises:
        DataError: the stream has more bytes than the limit.
    """
    content = bytearray()
    while step := stream.read(STEP):
        content += step
        if len(content) > limit:
            raise DataError(f"{place}: more than {limit} bytes come out of it")
    return bytes(content)


class Bounded:
    """A stream of which only a given number of bytes can be read.

    Attributes:
        count: bytes read so far.
        left: bytes that may still be read.
    """

    def __init__(self, stream: IO[bytes], left: int) -> None:
        self.stream, self.left, self.count = stream, left, 0

    def read(self, count: int) -> bytes:
        """Read exactly ``count`` bytes.

        Raises:
            EOFError: the stream ends before, or the bound is reached.
        """
        if not 0 <= count <= self.left:
            raise EOFError("it ends too early")
        # A pickle is read in many short pieces: those are read in one step.
        content = self.stream.read(min(count, STEP))
        if len(content) < count:
            content += exactly(self.stream, count - len(content))
        self.count += count
        self.left -= count
        return content

    def readline(self) -> bytes:
        """Read to the end of a line.

        Raises:
            EOFError: the line ends beyond the bound.
        """
        line = self.stream.readline(self.left + 1)
        if len(line) > self.left:
            raise EOFError("it ends too early")
        self.count += len(line)
        self.left -= len(line)
        return line
