"""Reading and writing idx files: type and number of axes, sizes of the axes, then the bytes."""

from __future__ import annotations

import gzip
import math
import struct
import zlib
from pathlib import Path

import numpy as np
import numpy.typing as npt

from kit.data import bounded
from kit.errors import DataError

UINT8 = 0x08
# Most bytes of a file after decompression; all images together have fewer.
LARGEST = 1 << 28


def read(file: Path, axes: int) -> npt.NDArray[np.uint8]:
    """Return the array of a gzipped idx file of unsigned bytes.

    Raises:
        DataError: the file is not an idx file, has another number of axes, or is truncated.
    """
    try:
        with gzip.open(file) as stream:
            content = bounded.whole(file.name, stream, LARGEST)
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise DataError(f"{file.name}: not a whole gzip file ({error})") from None
    if len(content) < 4 or content[:3] != bytes([0, 0, UINT8]):
        raise DataError(f"{file.name}: no idx file of unsigned bytes")
    begin = 4 + 4 * axes
    if content[3] != axes:
        raise DataError(f"{file.name}: {content[3]} axes instead of {axes}")
    if len(content) < begin:
        raise DataError(f"{file.name}: it ends within its header")
    shape = struct.unpack(f">{axes}I", content[4:begin])
    values = np.frombuffer(content, np.uint8, offset=begin)
    if len(values) != math.prod(shape):
        raise DataError(f"{file.name}: {len(values)} bytes instead of {math.prod(shape)}")
    return values.reshape(shape)


def write(file: Path, values: npt.NDArray[np.uint8]) -> None:
    """Write an array of unsigned bytes as a gzipped idx file."""
    head = bytes([0, 0, UINT8, values.ndim]) + struct.pack(f">{values.ndim}I", *values.shape)
    file.write_bytes(gzip.compress(head + values.tobytes(), mtime=0))
