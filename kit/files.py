"""Files that are whole or absent: temp file, fsync, rename; hashes; locks."""

from __future__ import annotations

import errno
import fcntl
import hashlib
import json
import os
import secrets
import stat
import struct
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, TypeVar

import msgspec

from kit.errors import DataError, KitError

T = TypeVar("T")
# Characters of a name in that of its temporary file: names have 255 bytes, characters 1 to 4.
SHOWN = 60
# What a file system says that has no locks.
NO_LOCKS = (errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP, errno.EINVAL)
# What numpy says where the disk took only a part: "1000 requested and 8 written".
NUMPY_FULL = " requested and "
# What the readers of libraries raise for a damaged file, besides errors of their own.
DAMAGE = (
    ArithmeticError,
    AssertionError,
    AttributeError,
    EOFError,
    LookupError,
    RuntimeError,
    TypeError,
    ValueError,
    struct.error,
)

# What is neither a file nor a folder, by its type.
SPECIAL = {
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}
SAVE = "save what it gives in a file, and name that"


def special(path: Path) -> str | None:
    """Return what a path leads to if that is no file and no folder; None also if nothing is there.

    A pipe can be read once, and a reader waits for its writer; some devices never end.
    """
    try:
        return SPECIAL.get(stat.S_IFMT(path.stat().st_mode))
    except OSError:
        return None


def check_plain(path: Path, error: type[Exception] = DataError) -> None:
    """Raise the error for a path of the user's, to be read, that is ``special``."""
    if what := special(path):
        raise error(f"{path}: {what}, not a file; {SAVE}")


@contextmanager
def naming(path: Path) -> Iterator[None]:
    """Have what the disk refuses name ``path``, where no file is named yet.

    Raises:
        OSError: as it was; numpy's of a short write, which has no number, as that of a full disk.
    """
    try:
        yield
    except OSError as error:
        if error.errno is None and NUMPY_FULL in str(error):
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(path)) from error
        if error.filename is None:
            error.filename = str(path)
        raise


@contextmanager
def replacing(path: Path) -> Iterator[IO[bytes]]:
    """Open a temporary file that takes the place of ``path`` when the block ends well.

    Raises:
        OSError: the disk refused, by the name of ``path``; whatever was there still is, whole.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    # Not the whole of a long name: with what is added, it could be longer than names can be.
    name = path.with_name(f".{path.name[:SHOWN]}.{secrets.token_hex(4)}.tmp")
    try:
        # Made by hand, since the library's temporary files are nobody else's to read, umask or not.
        handle = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666)
    except OSError as error:
        error.filename = str(path)
        raise
    try:
        with naming(path):
            with os.fdopen(handle, "wb") as stream:
                yield stream
                stream.flush()
                os.fsync(stream.fileno())
            os.replace(name, path)
    except BaseException:
        name.unlink(missing_ok=True)
        raise
    sync_folder(path.parent)


def write_bytes(path: Path, content: bytes) -> None:
    """Write ``content`` to ``path``, atomically."""
    with replacing(path) as stream:
        stream.write(content)


def write_json(path: Path, value: Any) -> None:
    """Write ``value`` as indented JSON with a fixed key order, atomically."""
    write_bytes(path, msgspec.json.format(canonical_json(value), indent=2) + b"\n")


def canonical_json(value: Any) -> bytes:
    """Return the one JSON text of ``value``: sorted keys, no spaces, shortest floats."""
    return msgspec.json.encode(value, order="sorted")


def decode_json(content: bytes | str, kind: type[T]) -> T:
    """Return the value of a JSON text that may be anybody's.

    Raises:
        msgspec.DecodeError: it is no such text, is nested too deeply, or is not in UTF-8.
    """
    try:
        return msgspec.json.decode(content, type=kind)
    except RecursionError:
        raise msgspec.DecodeError("it is nested too deeply") from None
    except UnicodeDecodeError:
        raise msgspec.DecodeError("it is not in UTF-8") from None


def decode_given_json(content: bytes | str) -> Any:
    """Return the value of a JSON text that somebody may have written by hand.

    Decoders keep the last of two values of one key, which is rarely the one that was meant.

    Raises:
        msgspec.DecodeError: as ``decode_json``, or a table has a key twice.
    """
    value = decode_json(content, object)
    json.loads(content, object_pairs_hook=_refuse_twice)
    return value


def _refuse_twice(pairs: list[tuple[str, Any]]) -> None:
    """Raise DecodeError for a table, given as (key, value), that has a key twice."""
    seen = set()
    for key, _ in pairs:
        if key in seen:
            raise msgspec.DecodeError(f"{key[:40]!r} is there twice in one table; leave one")
        seen.add(key)


def sync_folder(folder: Path) -> None:
    """Flush a folder's entries, so that a rename survives a power cut."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def sha256(path: Path) -> str:
    """Return the SHA-256 of a file as hexadecimal digits."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def md5(path: Path) -> str:
    """Return the MD5 of a file as hexadecimal digits, to compare with what others published."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()


@contextmanager
def locked(path: Path, wait: float = 0.0) -> Iterator[bool]:
    """Hold an exclusive ``flock`` on ``path``; yields False if another process holds it.

    The kernel lets go of it when the process dies, however it dies, so no lock is ever stale. The
    file is there only while it is held, or after a death.

    Args:
        path: of the lock file, which is made where it is missing.
        wait: for how many seconds to try.

    Raises:
        KitError: the file system has no locks.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    deadline = time.monotonic() + wait
    while (handle := _lock(path)) is None and time.monotonic() < deadline:
        time.sleep(0.01)
    if handle is None:
        yield False
        return
    try:
        yield True
    finally:
        # Where its folder was moved, the path is another holder's or nobody's.
        if _is_at(path, handle):
            path.unlink(missing_ok=True)
        os.close(handle)


def is_locked(path: Path) -> bool:
    """Tell whether a process holds the lock; asking disturbs nobody for longer than an instant.

    Where the file system has no locks, nobody holds any.
    """
    try:
        handle = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        return False
    try:
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError as error:
        if error.errno not in NO_LOCKS:
            raise
    finally:
        os.close(handle)
    return False


def _lock(path: Path) -> int | None:
    """Return a descriptor that holds the lock, or None where another process does."""
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # Its last holder may have removed the file after we opened it: then we hold nothing.
        if _is_at(path, handle):
            return handle
    except BlockingIOError:
        pass
    except OSError as error:
        os.close(handle)
        path.unlink(missing_ok=True)
        if error.errno not in NO_LOCKS:
            raise
        raise KitError(
            f"{path.parent}: its file system has no locks ({error.strerror}), which keep two "
            "processes from one run; KIT_RESULTS and KIT_DATA name folders elsewhere"
        ) from None
    os.close(handle)
    return None


def _is_at(path: Path, handle: int) -> bool:
    """Tell whether the open file is the one at the path."""
    try:
        return os.path.samestat(os.stat(path), os.fstat(handle))
    except FileNotFoundError:
        return False
