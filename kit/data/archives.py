"""Unpacking of untrusted zip and tar files: only regular files below the target.

A member with an absolute name or with ``..`` in it, a link or a device is an error: archives of
data do not need any of these.
"""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import lzma
import shutil
import stat
import struct
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, cast

from kit.data.bounded import room
from kit.errors import DataError
from kit.files import naming

LIMIT = 100 * 10**9
CHUNK = 1 << 20
BLOCK = tarfile.BLOCKSIZE
OPENERS: dict[bytes, Callable[[IO[bytes]], object]] = {
    b"\x1f\x8b": lambda stream: gzip.GzipFile(fileobj=stream),
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}
# Most global header fields (pax) that a tar file may have; a few are usual.
GLOBAL_ENTRIES = 100
# What the readers raise for a damaged archive.
DAMAGE = (
    zipfile.BadZipFile,
    tarfile.TarError,
    zlib.error,
    lzma.LZMAError,
    struct.error,
    EOFError,
    MemoryError,
)
# Error numbers of names that the file system refuses, and of seeks to before a file's start.
REFUSED = (errno.ENAMETOOLONG, errno.EEXIST, errno.ENOTDIR, errno.EISDIR, errno.EINVAL)

Progress = Callable[[int, int], None]


def unpack(
    archive: Path,
    target: Path,
    *,
    limit: int = LIMIT,
    wanted: Callable[[str], bool] = lambda _: True,
    progress: Progress = lambda *_: None,
) -> Path:
    """Unpack an archive into a folder, which appears only once it is complete.

    If the folder exists already, nothing is done, so that interrupted work can be resumed.

    Args:
        archive: a zip file, or a tar file, plain or compressed by gzip, bzip2 or xz; the format is
            recognised by the content.
        target: the folder to create.
        limit: largest size of the wanted members together, in bytes. A second limit is a hundred
            times the size of the archive, or 1 GiB if that is more.
        wanted: tells by its name whether a member is unpacked; the others are only checked.
        progress: called with (done, total).

    Returns:
        The folder.

    Raises:
        DataError: the archive is truncated or damaged, holds a member that is not a plain file or
            folder below the target, or expands beyond the limit; nothing is left behind.
    """
    if target.exists():
        return target
    fresh = target.with_name(f".{target.name}.unpacking")
    shutil.rmtree(fresh, ignore_errors=True)
    fresh.mkdir(parents=True)
    try:
        for name, stream in members(archive, limit=limit, wanted=wanted, progress=progress):
            file = fresh / name
            with _data_errors(archive, name):
                file.parent.mkdir(parents=True, exist_ok=True)
                with naming(file), file.open("wb") as copy:
                    shutil.copyfileobj(stream, copy, CHUNK)
        fresh.rename(target)
    except BaseException:
        shutil.rmtree(fresh, ignore_errors=True)
        raise
    return target


def members(
    archive: Path,
    *,
    limit: int = LIMIT,
    wanted: Callable[[str], bool] = lambda _: True,
    progress: Progress = lambda *_: None,
) -> Iterator[tuple[str, io.RawIOBase]]:
    """Yield (name, content) of the files in an archive, in its order, without unpacking it.

    A folder may be given instead of an archive: the files below it are yielded in sorted order.

    The content must be read before the next member is asked for. Arguments and errors are those of
    ``unpack``.
    """
    if archive.is_dir():
        yield from _folder_members(archive, wanted, progress)
        return
    if not archive.is_file():
        raise DataError(f"{archive}: no such file")
    with archive.open("rb") as file:
        packed = file.read(4) == b"PK\x03\x04" or zipfile.is_zipfile(archive)
    entries = _zip_members(archive, wanted) if packed else _tar_members(archive, wanted)
    total, limit = 0, min(limit, room(archive.stat().st_size))
    with _data_errors(archive):
        for name, stream, done, whole in entries:
            content = _Counted(stream, archive, name, limit - total)
            yield name, content
            total += content.count
            progress(done, whole)


def _folder_members(
    folder: Path, wanted: Callable[[str], bool], progress: Progress
) -> Iterator[tuple[str, io.RawIOBase]]:
    """Yield (name, content) of the wanted files below a folder; progress counts files."""
    files = sorted(file for file in folder.rglob("*") if file.is_file())
    for done, file in enumerate(files, start=1):
        name = file.relative_to(folder).as_posix()
        if wanted(name):
            with file.open("rb", buffering=0) as stream:
                yield name, stream
        progress(done, len(files))


def _zip_members(
    archive: Path, wanted: Callable[[str], bool]
) -> Iterator[tuple[str, IO[bytes], int, int]]:
    """Yield (name, content, done, total) of the wanted files; bytes after decompression."""
    with zipfile.ZipFile(archive) as content:
        entries = content.infolist()
        whole, done = sum(entry.file_size for entry in entries), 0
        for entry in entries:
            mode = stat.S_IFMT(entry.external_attr >> 16)
            plain = mode in (0, stat.S_IFREG, stat.S_IFDIR)
            _check(archive, entry.filename, None if plain else _kind(mode))
            if entry.flag_bits & 1:
                raise DataError(f"{archive}: {entry.filename!a:.200} is encrypted")
            done += entry.file_size
            if not entry.is_dir() and wanted(entry.filename):
                with content.open(entry) as stream:
                    yield entry.filename, stream, done, whole


def _tar_members(
    archive: Path, wanted: Callable[[str], bool]
) -> Iterator[tuple[str, IO[bytes], int, int]]:
    """Yield (name, content, done, total) of the wanted files; bytes of the archive itself."""
    whole = archive.stat().st_size
    with archive.open("rb") as raw:
        start = raw.read(6)
        raw.seek(0)
        opener = next((OPENERS[magic] for magic in OPENERS if start.startswith(magic)), None)
        blocks = _Blocks(cast(IO[bytes], opener(raw)) if opener else raw)
        with tarfile.open(fileobj=cast(IO[bytes], blocks), mode="r:") as content:
            while (entry := content.next()) is not None:
                # tarfile keeps all entries for random access, which is not needed here.
                content.members.clear()  # type: ignore[attr-defined]
                if entry.size < 0 or len(content.pax_headers) > GLOBAL_ENTRIES:
                    raise tarfile.ReadError("a header that makes no sense")
                plain = (entry.isfile() and not entry.issparse()) or entry.isdir()
                _check(archive, entry.name, None if plain else _TAR_KINDS.get(entry.type, "odd"))
                if entry.isfile() and wanted(entry.name):
                    stream = content.extractfile(entry)
                    assert stream is not None
                    yield entry.name, stream, raw.tell(), whole
        # tarfile stops without an error at the end of the file or at a header it cannot read.
        if blocks.last != bytes(BLOCK):
            raise tarfile.ReadError("it has no end mark")
        while blocks.stream.read(CHUNK):
            pass


def _check(archive: Path, name: str, kind: str | None) -> None:
    """Check that a member is a plain file or folder (``kind`` None) below the target."""
    parts = name.replace("\\", "/").split("/")
    problem = f"is a {kind}" if kind else None
    if not parts[0] or parts[0].endswith(":"):
        problem = "has an absolute name"
    elif ".." in parts:
        problem = "leads out of the folder by '..'"
    elif "\0" in name:
        problem = "has a zero byte in its name"
    if problem:
        raise DataError(f"{archive}: {name!a:.200} {problem}; nothing was unpacked")


_TAR_KINDS = {
    tarfile.SYMTYPE: "symbolic link",
    tarfile.LNKTYPE: "hard link",
    tarfile.CHRTYPE: "device",
    tarfile.BLKTYPE: "device",
    tarfile.FIFOTYPE: "pipe",
}


def _kind(mode: int) -> str:
    return "symbolic link" if mode == stat.S_IFLNK else "device or pipe"


class _Blocks:
    """A stream that keeps what was read last: at the end of a tar file, that is its end mark."""

    def __init__(self, stream: IO[bytes]) -> None:
        self.stream = stream
        self.seek, self.tell = stream.seek, stream.tell
        self.last = b""

    def read(self, count: int) -> bytes:
        """Read ``count`` bytes and keep them as ``last``.

        Raises:
            ReadError: a damaged header asks for a negative count, or for more than a chunk.
        """
        if not 0 <= count <= CHUNK:
            raise tarfile.ReadError(f"a header of {count} bytes")
        self.last = self.stream.read(count)
        return self.last


class _Counted(io.RawIOBase):
    """A member's content; reading more than ``room`` bytes of it is an error."""

    def __init__(self, stream: IO[bytes], archive: Path, name: str, room: int) -> None:
        self.stream, self.archive, self.member, self.room = stream, archive, name, room
        self.count = 0

    def readable(self) -> bool:
        """Return True: the stream can be read."""
        return True

    def readinto(self, buffer: Any) -> int:
        """Read into the buffer and return the number of bytes read.

        Raises:
            DataError: the archive is damaged or expands beyond the limit.
        """
        with _data_errors(self.archive, self.member):
            content = self.stream.read(min(len(buffer), self.room - self.count + 1))
        self.count += len(content)
        if self.count > self.room:
            raise DataError(
                f"{self.archive}: with {self.member!a:.200} it grows beyond the limit; a zip bomb?"
            )
        buffer[: len(content)] = content
        return len(content)


@contextmanager
def _data_errors(archive: Path, name: str | None = None) -> Iterator[None]:
    """Turn errors of the readers into a ``DataError`` that names the archive and the member."""
    try:
        yield
    except DAMAGE as error:
        problem = f"truncated or damaged ({error})"
    except (RuntimeError, ValueError) as error:
        problem = f"cannot be unpacked ({error})"
    except OSError as error:
        # A full disk is not the archive's fault. bzip2 reports damage as an OSError without errno.
        if error.errno not in (None, *REFUSED):
            raise
        problem = f"truncated or damaged ({error})" if error.errno is None else str(error.strerror)
    else:
        return
    place = str(archive) if name is None else f"{archive}: {name!a:.200}"
    raise DataError(f"{place}: {' '.join(problem.split())[:200]}")
