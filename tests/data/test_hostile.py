"""Files that nobody vouches for: a value or one line, little memory, never the end of the process.

The readers run in a process of their own, so that one that crashes is told from one that refuses.
"""

from __future__ import annotations

import gzip
import io
import os
import pickle
import struct
import subprocess
import sys
import tarfile
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest
import torch

from tests.data.hostile_child import OPCODES

CHILD = (sys.executable, "-m", "tests.data.hostile_child")
ROOT = Path(__file__).parents[2]
RECONSTRUCT = np.zeros(1).__reduce__()[0]
# Examples per reader in the ordinary suite; CI sets more, for about a minute.
EXAMPLES = os.environ.get("KIT_FUZZ_EXAMPLES", "100")


class Call:
    """Pickled, it is a call of ``function`` with ``arguments``, then of ``__setstate__``."""

    def __init__(self, function: Any, *arguments: Any, state: Any = None) -> None:
        self.reduced = (function, arguments, *((state,) if state is not None else ()))

    def __reduce__(self) -> Any:
        return self.reduced


def array(shape: Any, dtype: Any, content: Any) -> bytes:
    """A pickled array of any state."""
    state = (1, shape, np.dtype(dtype), False, content)
    return pickle.dumps(Call(RECONSTRUCT, np.ndarray, (0,), b"b", state=state), 2)


def npy(descr: str, shape: str, content: bytes) -> bytes:
    text = f"{{'descr': {descr}, 'fortran_order': False, 'shape': {shape}, }}\n".encode()
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + content


def bomb(size: int, start: bytes = b"", byte: bytes = b"\0") -> bytes:
    """What gzip makes of ``start`` and so many equal bytes; a member of a MiB is repeated."""
    one = gzip.compress(byte * (1 << 20), 9)
    return gzip.compress(start) + one * (size >> 20)


def deflated(size: int) -> bytes:
    """What zlib makes of so many zeros, in MiB; what one of these adds is repeated."""
    packer = zlib.compressobj(1)
    start, one = (
        packer.compress(bytes(1 << 20)) + packer.flush(zlib.Z_FULL_FLUSH) for _ in range(2)
    )
    end = b"\x03\x00" + struct.pack(">I", (size % 65521) << 16 | 1)  # an empty block, the sum
    return start + one * ((size >> 20) - 1) + end


def zipped(members: dict[str, bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def damaged_npz() -> bytes:
    stream = io.BytesIO()
    np.savez_compressed(stream, x=np.random.default_rng(0).random(4000), y=np.arange(9))
    content = bytearray(stream.getvalue())
    content[300:400] = bytes(100)
    return bytes(content)


def pax(size: int) -> bytes:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.XHDTYPE, size
    return info.tobuf(tarfile.USTAR_FORMAT)


def sparse() -> bytes:
    info = tarfile.TarInfo("x")
    info.type, info.size = tarfile.GNUTYPE_SPARSE, 0
    header = bytearray(info.tobuf(tarfile.GNU_FORMAT))
    # One stretch of no bytes at the end of 90 GB, which is the size of the whole.
    header[386:410] = b"%011o\0%011o\0" % (0, 0)
    header[483:495] = b"\x80" + (90 * 10**9).to_bytes(11, "big")
    header[148:156] = b" " * 8
    header[148:156] = b"%06o\0 " % sum(header)
    return bytes(header) + bytes(1024)


def mat_5(*elements: bytes) -> bytes:
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\x00\x01IM" + b"".join(elements)


def element(kind: int, content: bytes) -> bytes:
    return struct.pack("<2I", kind, len(content)) + content + bytes(-len(content) % 8)


def matrix(kind: int, shape: tuple[int, ...], data: bytes) -> bytes:
    parts = element(6, struct.pack("<2I", kind, 0)) + element(
        5, struct.pack(f"<{len(shape)}i", *shape)
    )
    return element(14, parts + element(1, b"val") + data)


def hdf5(write: Callable[[Any], object]) -> bytes:
    stream = io.BytesIO()
    with h5py.File(stream, "w") as content:
        write(content)
    return stream.getvalue()


def nested(levels: int, width: int) -> bytes:
    """Lists of the same list, ``width`` times over, so many levels deep."""
    content: list[Any] = [1.0] * 3
    for _ in range(levels):
        content = [content] * width
    return pickle.dumps({"data": content})


def weights(content: Any) -> bytes:
    stream = io.BytesIO()
    torch.save(content, stream)
    return stream.getvalue()


def external(content: Any) -> None:
    content.create_dataset("val", (2, 2), "f8", external=[("/etc/passwd", 0, 32)])


def linked(content: Any) -> None:
    content["val"] = h5py.ExternalLink("other.h5", "/val")


def virtual(content: Any) -> None:
    layout = h5py.VirtualLayout((2, 2), "f8")
    layout[:] = h5py.VirtualSource("other.h5", "val", (2, 2))
    content.create_virtual_dataset("val", layout)


def blocks(content: Any) -> None:
    content.create_dataset(
        "val", (1 << 15, 1 << 15), "f8", chunks=(1 << 14, 1 << 14), compression=1
    )


# An array of one object, which is the array.
WITHIN_ITSELF = (
    b"\x80\x02cnumpy._core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87Rq\x00"
    b"(K\x01K\x01\x85cnumpy\ndtype\nU\x01OK\x00K\x01\x87R"
    b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK?tb\x89]h\x00atb."
)
# Several times as deep as hash() overflows the stack.
TUPLES = b"}" + b")" + b"\x85" * 600_000
# Reader, the file, what it is told of it.
CASES: dict[str, tuple[str, bytes, str]] = {
    "a list shorter than its shape": (
        "objects",
        npy("'|O'", "(9999,)", array((9999,), "O", [1])),
        "more places than objects",
    ),
    "a list of another type": ("pickle", array((1,), "O", (1,)), "more places than objects"),
    "an array within itself": ("pickle", WITHIN_ITSELF, "an array within itself"),
    "no item size": ("pickle", array((1 << 40,), "S0", b""), "dtype 'S0'"),
    "a shape of lists": ("pickle", array(([1] * 9, 10**9), "u1", b""), "a shape that is none"),
    "a negative shape": ("pickle", array((-1, -8), "u1", bytes(8)), "a shape that is none"),
    "more than its shape": ("pickle", array((1,), "u1", bytes(8)), "8 bytes do not make an array"),
    "a character that is none": (
        "pickle",
        array((1,), "U1", b"\xff\xff\xff\x7f"),
        "values that <U1 does not have",
    ),
    "a truth value of 7": ("pickle", array((1,), "?", b"\7"), "values that bool does not have"),
    "an array without content": (
        "pickle",
        pickle.dumps(Call(RECONSTRUCT, np.ndarray, (0,), b"b"), 2),
        "without content",
    ),
    "a mutable string of 64 GiB": (
        "pickle",
        b"\x80\x05\x96" + (1 << 36).to_bytes(8, "little") + b".",
        "ends too early",
    ),
    "a frame of 64 GiB": (
        "pickle",
        b"\x80\x04\x95" + (1 << 36).to_bytes(8, "little") + b".",
        "ends too early",
    ),
    "copies of copies": (
        "pickle",
        b"\x80\x02V" + b"a" * 900_000 + b"\nq\x000" + b"c_codecs\nencode\nh\x00\x85R" * 5000 + b".",
        "more copies than content",
    ),
    "a key of nested tuples": (
        "pickle",
        TUPLES + b"K\x01s.",
        "a key that is neither text nor a number",
    ),
    "a set of nested tuples": (
        "pickle",
        b"\x80\x04\x8f(" + TUPLES[1:] + b"\x90.",
        "a key that is neither",
    ),
    "nested tuples": ("pickle", TUPLES[1:] + b".", ""),
    "nested shared lists": ("numbers", nested(8, 200), "a list of lists of more axes than wanted"),
    "a list that holds itself": (
        "numbers",
        b"\x80\x02}U\x04data]q\x00h\x00as.",
        "more axes than wanted",
    ),
    "text among numbers": (
        "numbers",
        pickle.dumps({"data": [["a" * 999, 1, 2]]}),
        "is a str, not a number",
    ),
    "a gzip of 8 GiB": (
        "pickle",
        bomb(8 << 30, b"\x80\x04\x8e" + (8 << 30).to_bytes(8, "little")),
        "ends too early",
    ),
    "a gzip of sets": (
        "pickle",
        bomb(1 << 30, b"\x80\x04(", b"\x8f"),
        f"more than {OPCODES} opcodes",
    ),
    "a gzip of a line": ("pickle", bomb(2 << 30, b"V", b"a"), "ends too early"),
    "a label of nested lists": (
        "ecg",
        pickle.dumps({"data": [[1]], "label": [[["N"]]]}),
        "label[0] is",
    ),
    "no list of records": ("ecg", pickle.dumps({"data": 7, "label": "N"}), "data is not a list"),
    "708 GB": ("npy", npy("'<f4'", "(177000000000,)", bytes(100)), "room for 100"),
    "parentheses": (
        "npy",
        b"\x93NUMPY\x01\x00" + struct.pack("<H", 10000) + b"(" * 10000,
        "not that of a plain array",
    ),
    "a header of 4 GB": ("npy", b"\x93NUMPY\x02\x00" + b"\xff" * 4, "a header of 4294967295 bytes"),
    "a structure": ("npy", npy("[('a', '<f4')]", "(1,)", bytes(4)), "not that of a plain array"),
    "objects": ("npy", npy("'|O'", "(1,)", pickle.dumps(1)), "Python objects in place of numbers"),
    "one byte more": ("npy", npy("'<f4'", "(1,)", bytes(5)), "5 bytes for an array of 4"),
    "a member that is no array": ("npz", zipped({"x.npy": b"hello, I am no array"}), "magic"),
    "a short member": ("npz", zipped({"x.npy": b"x"}), "ends too early"),
    "damaged deflate": ("npz", damaged_npz(), "'x.npy': truncated or damaged"),
    "a zip of 7.5 GiB": (
        "npz",
        zipped({"x.npy": npy("'|u1'", f"({15 << 29},)", bytes(1 << 20))}),
        "there is room for 1073741824",
    ),
    "a pax header of 7 GB": (
        "archive",
        gzip.compress(pax(7 << 30) + bytes(1 << 20)),
        "a header of",
    ),
    "90 GB of holes": ("archive", sparse(), "'x' is a odd"),
    "a tar of 2 GiB": ("archive", bomb(2 << 30, tarfile.TarInfo("x").tobuf()), ""),
    "a gzip of zeros": ("idx", bomb(1 << 30), "bytes come out of it"),
    "an idx header cut": ("idx", gzip.compress(bytes([0, 0, 8, 2, 0])), "ends within its header"),
    "no hdf5, no matlab": ("mat", b"PK\x03\x04 and more of it", "not a readable MATLAB file"),
    "below 128 bytes": ("mat", b"MATLAB 5.0 MAT-file", "ends too early"),
    "empty": ("mat", b"", "ends too early"),
    "an element of kind 200": ("mat", mat_5(element(200, b"")), "an element of kind 200"),
    "numbers of kind 200": ("mat", mat_5(matrix(6, (1, 1), element(200, bytes(8)))), "200"),
    "a matrix of 2 GB": (
        "mat",
        mat_5(matrix(6, (1 << 14, 1 << 14), element(9, bytes(8)))),
        "8 bytes do not make",
    ),
    "a cell array": (
        "mat",
        mat_5(matrix(1, (1 << 30, 1), b"")),
        "val is not an array of real numbers",
    ),
    "an element of 4 GB": ("mat", mat_5(struct.pack("<2I", 14, 0xFFFFFFF0)), "ends too early"),
    "a packed element of 1.2 GB": (
        "mat",
        mat_5(element(15, deflated(9 << 27))),
        "expands without end",
    ),
    "version 4 of 8 TB": (
        "mat",
        struct.pack("<5i4s", 0, 1 << 20, 1 << 20, 0, 4, b"val\0"),
        "ends too early",
    ),
    "a group": ("mat", hdf5(lambda file: file.create_group("val")), "val is no array of numbers"),
    "text": (
        "mat",
        hdf5(lambda file: file.create_dataset("val", data="text")),
        "val is no array of numbers",
    ),
    "external storage": ("mat", hdf5(external), "val lies in another file"),
    "an external link": ("mat", hdf5(linked), "val is a link"),
    "a virtual array": ("mat", hdf5(virtual), "val lies in another file"),
    "blocks of 2 GiB": ("mat", hdf5(blocks), "blocks that are larger"),
    "hdf5 cut short": (
        "mat",
        hdf5(lambda file: file.create_dataset("val", data=np.eye(99)))[:900],
        "not a readable MATLAB file",
    ),
    "a payload": (
        "weights",
        weights({"weight": Call(os.system, "touch evil")}),
        "something other than tensors",
    ),
    "half the weights": (
        "weights",
        weights({"weight": torch.zeros(999)})[:2000],
        "not a whole file of tensors",
    ),
    "text for weights": ("weights", b"text", "not a whole file of tensors"),
}


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What came of each case, in one process with 4 GiB."""
    folder = tmp_path_factory.mktemp("hostile")
    for name, (reader, content, _) in CASES.items():
        (folder / f"{reader}-{name}").write_bytes(content)
    done = subprocess.run(
        [*CHILD, str(folder)], capture_output=True, text=True, cwd=ROOT, check=False, timeout=300
    )
    lines = done.stdout.splitlines()
    assert lines[-1:] == ["end"], f"after {lines[-1:]}: {done.returncode} {done.stderr[-500:]}"
    return dict(line.split("\t", 1) for line in lines[:-1])


@pytest.mark.parametrize("name", CASES)
def test_hostile_files_are_refused_in_one_line(told: dict[str, str], name: str) -> None:
    reader, _, message = CASES[name]
    found = told[f"{reader}-{name}"]
    assert message in found
    assert found.startswith("refused: ") == bool(message)
    assert not (ROOT / "evil").exists()


def test_damage_at_random_is_a_value_or_one_line() -> None:
    done = subprocess.run([*CHILD, EXAMPLES], capture_output=True, text=True, cwd=ROOT, check=False)
    assert done.returncode == 0, done.stderr[-3000:]
