"""Quick checks of a file's format: is it an error page, a pointer or truncated?

Only its beginning and its end are read; the task's reader checks the content.
"""

from __future__ import annotations

import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

from kit.data import matlab, npy, pages
from kit.errors import DataError, KitError

BLOCK, GZIP = 512, b"\x1f\x8b\x08"
POINTER = b"version https://git-lfs"
# How error messages begin that a server may send in place of binary data.
TEXTS = {b"<": "an XML message", b"{": "a JSON message", b"[": "a JSON message"}


def rejection(file: Path, name: str) -> str | None:
    """Return why a file cannot be what its name says; None if no reason is found.

    Args:
        file: the file to check.
        name: the name that it is to have; its ending decides about the format.
    """
    with file.open("rb") as stream:
        start = stream.read(BLOCK)
        if not start:
            return "it is empty"
        if pages.is_page(start):
            stream.seek(0)
            return str(pages.read(stream.read(pages.LONGEST), ""))
        if start.startswith(POINTER):
            return "a Git LFS pointer, not the file that it stands for; 'git lfs pull' brings that"
        check = next((check for ending, check in CHECKS.items() if name.endswith(ending)), None)
        if check is None:
            return None
        text = start.removeprefix(b"\xef\xbb\xbf").lstrip()
        message = next((what for sign, what in TEXTS.items() if text.startswith(sign)), None)
        stream.seek(0)
        problem = check(file, stream)
        return f"{message} in place of data" if problem and message else problem


def _zip(file: Path, stream: BinaryIO) -> str | None:
    # The directory is at the end, so a truncated file has none.
    return None if zipfile.is_zipfile(stream) else "not a whole zip archive"


def _tar(file: Path, stream: BinaryIO) -> str | None:
    head = stream.read(BLOCK)
    size = file.stat().st_size
    stream.seek(max(0, size - BLOCK))
    whole = size % BLOCK == 0 and not any(stream.read(BLOCK))
    return None if head[257:262] == b"ustar" and whole else "not a whole tar archive"


def _packed(magic: bytes) -> Callable[[Path, BinaryIO], str | None]:
    def check(file: Path, stream: BinaryIO) -> str | None:
        return None if stream.read(len(magic)) == magic else "not a packed file"

    return check


def _npy(file: Path, stream: BinaryIO) -> str | None:
    try:
        header = npy.header(stream)
    except (ValueError, EOFError) as error:
        return f"not a .npy file ({error})"
    left = file.stat().st_size - stream.tell()
    cut = not header.dtype.hasobject and left != header.bytes
    return f"{left} bytes of an array of {header.bytes}" if cut else None


def _pickle(file: Path, stream: BinaryIO) -> str | None:
    stream.seek(-1, 2)
    return None if stream.read(1) == b"." else "not a whole pickle"


def _mat(file: Path, stream: BinaryIO) -> str | None:
    start = stream.read(4)
    try:
        if matlab.is_hdf5(file):
            with matlab.hdf5(file):
                return None
        if start == b"MATL" or 0 in start:
            return None
    except DataError as error:
        return str(error)
    except KitError:
        # h5py is not installed; the reader will report that.
        return None
    return "not a MATLAB file"


def _table(file: Path, stream: BinaryIO) -> str | None:
    line = stream.readline(BLOCK)
    plain = b"," in line and b"\0" not in line and not line.lstrip().startswith((b"{", b"<", b"["))
    return None if plain else "not a table of values with commas"


# By the ending of the name. A check returns what is wrong with an open file; None if nothing.
CHECKS: dict[str, Callable[[Path, BinaryIO], str | None]] = {
    ".tar.gz": _packed(GZIP),
    ".tgz": _packed(GZIP),
    ".gz": _packed(GZIP),
    ".pbz2": _packed(b"BZh"),
    ".bz2": _packed(b"BZh"),
    ".zip": _zip,
    ".npz": _zip,
    ".whl": _zip,
    ".tar": _tar,
    ".npy": _npy,
    ".pkl": _pickle,
    ".mat": _mat,
    ".csv": _table,
}
