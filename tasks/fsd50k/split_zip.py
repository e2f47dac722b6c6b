"""Reading a zip archive that is split into several files (``.z01``, ``.z02``, ..., ``.zip``).

Python's own reader needs them joined (``zip -s 0``), which takes the same disk space once more. The
format is that of PKWARE's APPNOTE: an entry has the number of its file and its offset in it.
"""

from __future__ import annotations

import io
import struct
import zlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from kit.errors import DataError

# Signatures of the end of the directory, of that of zip64, of an entry, and of a file's header.
END, LONG_END, ENTRY, LOCAL = b"PK\5\6", b"PK\6\6", b"PK\1\2", b"PK\3\4"
# Stands in fields whose value is in the zip64 record.
LONG = 0xFFFFFFFF
STORED, DEFLATED = 0, 8
CHUNK = 1 << 20


@dataclass(frozen=True)
class _Entry:
    """An entry of the directory; sizes in bytes, start counted over all files joined."""

    name: str
    method: int
    crc: int
    packed: int
    size: int
    start: int


def members(
    parts: Sequence[Path], wanted: Callable[[str], bool] = lambda _: True
) -> Iterator[tuple[str, bytes]]:
    """Yield (name, content) of the files in a split archive, in its order.

    Args:
        parts: the archive's files in order, the one ending in ``.zip`` last.
        wanted: tells by its name whether a member is yielded.

    Raises:
        DataError: a part is missing, or the archive is damaged; the message names it.
    """
    for part in parts:
        if not part.is_file():
            raise DataError(f"{part.name} is missing; all parts of {parts[-1].name} are needed")
    with _Joined(parts) as stream:
        for entry in _directory(parts, stream):
            if wanted(entry.name) and not entry.name.endswith("/"):
                yield entry.name, _content(parts[-1].name, stream, entry)


def _directory(parts: Sequence[Path], stream: _Joined) -> list[_Entry]:
    """Return the entries of the archive's directory."""
    archive = parts[-1].name
    tail = stream.read_at(max(0, stream.size - (1 << 16) - 22), (1 << 16) + 22)
    place = tail.rfind(END)
    if place < 0:
        raise DataError(f"{archive}: truncated or damaged (it has no directory)")
    disk, first, _, count, length, offset = struct.unpack_from("<HHHHII", tail, place + 4)
    if LONG in (length, offset) or count == 0xFFFF or disk == 0xFFFF:
        long = tail.rfind(LONG_END, 0, place)
        if long < 0:
            raise DataError(f"{archive}: truncated or damaged (its directory has no size)")
        disk, first, _, count, length, offset = struct.unpack_from("<IIQQQQ", tail, long + 16)
    if disk + 1 != len(parts):
        raise DataError(f"{archive}: it was split into {disk + 1} files, here are {len(parts)}")
    content = stream.read_at(stream.starts[first] + offset, length)
    entries, position = [], 0
    while position + 46 <= len(content) and content[position : position + 4] == ENTRY:
        entry, position = _entry(content, position, stream)
        entries.append(entry)
    if len(entries) != count:
        raise DataError(f"{archive}: its directory has {len(entries)} of {count} files")
    return entries


def _entry(content: bytes, position: int, stream: _Joined) -> tuple[_Entry, int]:
    """Return the entry at a position of the directory, and the position of the next one."""
    fields = struct.unpack_from("<HHHHHHIIIHHHHHII", content, position + 4)
    method, crc, packed, size = fields[3], *fields[6:9]
    name_length, extra_length, comment, disk = fields[9:13]
    offset = fields[15]
    start = position + 46
    name = content[start : start + name_length].decode("utf-8", errors="replace")
    extra = content[start + name_length : start + name_length + extra_length]
    while len(extra) >= 4:
        kind, length = struct.unpack_from("<HH", extra)
        value, extra = io.BytesIO(extra[4 : 4 + length]), extra[4 + length :]
        if kind == 1:
            # The zip64 record has the values that do not fit into their fields, in this order.
            size = _long(value) if size == LONG else size
            packed = _long(value) if packed == LONG else packed
            offset = _long(value) if offset == LONG else offset
            disk = int.from_bytes(value.read(4), "little") if disk == 0xFFFF else disk
    begin = stream.starts[min(disk, len(stream.starts) - 1)] + offset
    entry = _Entry(name, method, crc, packed, size, begin)
    return entry, start + name_length + extra_length + comment


def _long(value: IO[bytes]) -> int:
    return int.from_bytes(value.read(8), "little")


def _content(archive: str, stream: _Joined, entry: _Entry) -> bytes:
    """Return the content of a member, after a check of its size and checksum."""
    head = stream.read_at(entry.start, 30)
    if head[:4] != LOCAL:
        raise DataError(f"{archive}: {entry.name} is not where the directory says; a wrong part?")
    name_length, extra_length = struct.unpack_from("<HH", head, 26)
    packed = stream.read_at(entry.start + 30 + name_length + extra_length, entry.packed)
    if entry.method not in (STORED, DEFLATED):
        raise DataError(f"{archive}: {entry.name} is packed by method {entry.method}")
    try:
        content = zlib.decompress(packed, -zlib.MAX_WBITS) if entry.method == DEFLATED else packed
    except zlib.error as error:
        raise DataError(f"{archive}: {entry.name}: truncated or damaged ({error})") from None
    if len(content) != entry.size or zlib.crc32(content) != entry.crc:
        raise DataError(f"{archive}: {entry.name}: truncated or damaged (checksum)")
    return content


class _Joined:
    """Several files that are read as if they were one.

    Attributes:
        size: bytes of all files together.
        starts: offset at which each file begins.
    """

    def __init__(self, parts: Sequence[Path]) -> None:
        self.files = [part.open("rb") for part in parts]
        sizes = [part.stat().st_size for part in parts]
        self.size = sum(sizes)
        self.starts = [sum(sizes[:number]) for number in range(len(sizes))]

    def __enter__(self) -> _Joined:
        return self

    def __exit__(self, *_: object) -> None:
        for file in self.files:
            file.close()

    def read_at(self, place: int, count: int) -> bytes:
        """Return ``count`` bytes from an offset, across files; fewer at the end of the last one."""
        content = b""
        for file, start in zip(self.files, self.starts, strict=True):
            size = file.seek(0, io.SEEK_END)
            if start <= place < start + size and len(content) < count:
                file.seek(place - start)
                block = file.read(count - len(content))
                content += block
                place += len(block)
        return content
