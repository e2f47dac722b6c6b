"""Reading files that nobody vouches for: no buffer for a length that is only claimed."""

from __future__ import annotations

import gzip
from typing import IO

from kit.errors import DataError

# What is packed may expand a hundredfold, and to a gibibyte in any case.
RATIO, FLOOR = 100, 1 << 30
STEP = 1 << 20


def room(packed: int) -> int:
    """Return how many bytes may come out of so many packed ones."""
    return max(FLOOR, RATIO * packed)


def exactly(stream: IO[bytes], count: int) -> bytearray:
    """Read so many bytes; memory grows with what comes, not with what is asked for.

    Raises:
        EOFError: there are fewer.
    """
    content = bytearray()
    while len(content) < count:
        step = stream.read(min(STEP, count - len(content)))
        if not step:
            raise EOFError("it ends too early")
        content += step
    return content


def whole(place: str, stream: IO[bytes] | gzip.GzipFile, limit: int) -> bytes:
    """Read to the end.

    Args:
        place: file and member, for the error.
        stream: what to read.
        limit: most bytes that may come.

    Raises:
        DataError: there are more.
    """
    content = bytearray()
    while step := stream.read(STEP):
        content += step
        if len(content) > limit:
            raise DataError(f"{place}: more than {limit} bytes come out of it")
    return bytes(content)


class Bounded:
    """A stream that gives so many bytes and no more.

    Attributes:
        count: bytes that were read.
        left: bytes that may still be read.
    """

    def __init__(self, stream: IO[bytes], left: int) -> None:
        self.stream, self.left, self.count = stream, left, 0

    def read(self, count: int) -> bytes:
        """Read exactly so many bytes.

        Raises:
            EOFError: there are fewer, or they are beyond the bound.
        """
        if not 0 <= count <= self.left:
            raise EOFError("it ends too early")
        # A pickle is read byte by byte: what is short is there at once.
        content = self.stream.read(min(count, STEP))
        if len(content) < count:
            content += exactly(self.stream, count - len(content))
        self.count += count
        self.left -= count
        return content

    def readline(self) -> bytes:
        """Read to the end of a line.

        Raises:
            EOFError: it ends beyond the bound.
        """
        line = self.stream.readline(self.left + 1)
        if len(line) > self.left:
            raise EOFError("it ends too early")
        self.count += len(line)
        self.left -= len(line)
        return line
