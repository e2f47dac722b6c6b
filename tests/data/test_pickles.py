from __future__ import annotations

import gzip
import io
import os
import pickle
import subprocess
import sys
from collections import OrderedDict
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.data.pickles import load, load_npy
from kit.errors import DataError

IMAGES = np.arange(24, dtype=np.uint8).reshape(2, 3, 4)


class Call:
    """Pickled, it is a call of ``function`` with ``arguments``, then of ``__setstate__``."""

    def __init__(self, function: Any, *arguments: Any, state: Any = None) -> None:
        self.reduced = (function, arguments, *((state,) if state is not None else ()))

    def __reduce__(self) -> Any:
        return self.reduced


def write(tmp_path: Path, content: Any, protocol: int = 2) -> Path:
    file = tmp_path / "data.pkl"
    file.write_bytes(pickle.dumps(content, protocol=protocol))
    return file


@pytest.mark.parametrize("protocol", range(6))
def test_plain_data_of_every_protocol(tmp_path: Path, protocol: int) -> None:
    content: dict[str, Any] = {
        "images": IMAGES,
        "fortran": np.asfortranarray(np.random.default_rng(0).random((5, 3))),
        "big endian": np.arange(3, dtype=">i2"),
        "flags": np.array([True, False]),
        "text": np.array(["ab", "c"]),
        "raw": np.array([b"ab", b"c"]),
        "ragged": np.array([np.arange(2.0), np.arange(3.0)], dtype=object),
        "scalars": [np.float32(1.5), np.int64(-3), 1 + 2j, b"\xff\x00", b"", bytearray(b"ab")],
        "containers": [(1, 2), {3}, frozenset({4}), OrderedDict(a=1), None, True],
    }
    found = load(write(tmp_path, content, protocol))
    assert list(found) == list(content)
    for name in ("images", "fortran", "big endian", "flags", "text", "raw"):
        assert np.array_equal(found[name], content[name])
        assert found[name].dtype.newbyteorder("=") == content[name].dtype.newbyteorder("=")
    assert [each.tolist() for each in found["ragged"]] == [[0, 1], [0, 1, 2]]
    assert found["scalars"] == content["scalars"]
    assert found["containers"] == content["containers"]
    assert type(found["containers"][3]) is OrderedDict


def _python_2(rows: int, columns: int, values: bytes) -> bytes:
    """What Python 2 and numpy 1 wrote: 8-bit strings, ``numpy.core``, a dtype with its state."""
    dtype = b"cnumpy\ndtype\nU\x02u1K\x00K\x01\x87R"
    dtype += b"(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    shape = b"K" + bytes([rows]) + b"K" + bytes([columns]) + b"\x86"
    data = b"U" + bytes([len(values)]) + values
    start = b"cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\nK\x00\x85U\x01b\x87R"
    return start + b"(K\x01" + shape + dtype + b"\x89" + data + b"tb"


def test_python_2_and_numpy_1(tmp_path: Path) -> None:
    file = tmp_path / "train"
    array = _python_2(2, 3, bytes([0, 10, 200, 255, 128, 7]))
    file.write_bytes(b"\x80\x02}(U\x04data" + array + b"U\x0bfine_labels](K\x13K\x1de" + b"u.")
    found = load(file)
    assert found["data"].tolist() == [[0, 10, 200], [255, 128, 7]]
    assert found["data"].dtype == np.uint8
    assert found["fine_labels"] == [19, 29]


def test_gzip_and_streams(tmp_path: Path) -> None:
    content = {"train": {"images": IMAGES, "labels": [1, 2]}}
    packed = tmp_path / "data.gz"
    packed.write_bytes(gzip.compress(pickle.dumps(content)))
    assert np.array_equal(load(packed)["train"]["images"], IMAGES)
    assert load(io.BytesIO(pickle.dumps(content)))["train"]["labels"] == [1, 2]


def _dtype_with_state(*state: Any) -> Call:
    return Call(np.dtype, "V8", False, True, state=state)


def _pointers() -> Call:
    """A dtype that says it has objects in it, but that they can be read from raw bytes."""
    dtype = _dtype_with_state(3, "|", None, ("o",), {"o": (np.dtype("O"), 0)}, 8, 1, 0)
    core = np.zeros(1).__reduce__()[0]
    return Call(core, np.ndarray, (0,), b"b", state=(1, (1,), dtype, False, b"\x01" * 8))


ATTACKS = {
    "os.system": Call(os.system, "touch {mark}"),
    "subprocess": Call(subprocess.Popen, ["touch", "{mark}"]),
    "eval": Call(eval, "open('{mark}', 'w')"),
    "getattr": Call(getattr, Call(__import__, "os"), "system"),
    "nested": [{"a": (Call(list, Call(os.system, "touch {mark}")),)}],
    "numpy load": Call(np.load, "{mark}", None, True),
    "codec": Call(__import__("_codecs").encode, "import os", "rot13"),
    "array of any size": Call(np.ndarray, (1 << 40,)),
    "bytes of any size": Call(bytes, 1 << 40),
    "dtype of objects": _dtype_with_state(3, "|", None, ("o",), {"o": (np.dtype("O"), 0)}, 8, 1, 0),
    "pointers": _pointers(),
    "state of a type": Call(dict, state={"a": 1}),
}


@pytest.mark.parametrize("name", ATTACKS)
def test_attacks_are_refused_in_one_line(tmp_path: Path, name: str) -> None:
    mark = tmp_path / "touched"
    for protocol in (0, 2, 4):
        file = tmp_path / "attack.pkl"
        text = pickle.dumps(ATTACKS[name], protocol=0)
        if b"{mark}" in text:
            # Protocol 0 alone has strings without a length, in which the name can be replaced.
            file.write_bytes(text.replace(b"{mark}", str(mark).encode()))
        else:
            file.write_bytes(pickle.dumps(ATTACKS[name], protocol=protocol))
        with pytest.raises(DataError, match=r"attack\.pkl: ") as caught:
            load(file)
        assert "\n" not in str(caught.value)
    assert not mark.exists()


def test_the_refused_name_is_told(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"data\.pkl: .*system.*not allowed"):
        load(write(tmp_path, Call(os.system, "true")))
    with pytest.raises(DataError, match=r"'numpy\.ndarray\.tofile', which is not allowed"):
        load(io.BytesIO(b"\x80\x04\x8c\x05numpy\x8c\x0endarray.tofile\x93."))


@pytest.mark.parametrize(
    "opcodes",
    [
        b"(ios\nsystem\n.",
        b"(S'true'\ncos\nsystem\no.",
        b"(ccollections\nOrderedDict\no.",
        b"\x80\x02cnumpy\nndarray\nK\x05\x85\x81.",
        b"\x80\x02\x82\x01.",
        b"Pelsewhere\n.",
        b"\x80\x02]K\x01\x85R.",
        b"\x80\x02]}b.",
        b"\x80\x02cnumpy\ndtype\n}b.",
        b"\x80\x04\x8e\xff\xff\xff\xff\xff\xff\xff\x0fab.",
        b"\x80\x05\x97.",
        b"h\x07.",
        b"not a pickle",
        b"",
    ],
)
def test_strange_opcodes(opcodes: bytes, tmp_path: Path) -> None:
    file = tmp_path / "strange.pkl"
    file.write_bytes(opcodes)
    with pytest.raises(DataError, match=r"strange\.pkl"):
        load(file)


def test_shared_dtypes_stay_as_they_are(tmp_path: Path) -> None:
    """A state for numpy's own int16 would turn the byte order of the whole process."""
    order = b"U\x01>" if sys.byteorder == "little" else b"U\x01<"
    state = b"(K\x03" + order + b"NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
    file = tmp_path / "order.pkl"
    file.write_bytes(b"\x80\x02cnumpy\ndtype\nU\x02i2K\x00K\x00\x87R" + state + b".")
    load(file)
    assert np.dtype("i2").isnative


@pytest.mark.parametrize("packed", [False, True])
def test_every_truncation_is_found(tmp_path: Path, packed: bool) -> None:
    whole = pickle.dumps({"data": IMAGES, "names": ["a", "b"]}, protocol=4)
    whole = gzip.compress(whole) if packed else whole
    file = tmp_path / "cut.pkl"
    for size in range(len(whole)):
        file.write_bytes(whole[:size])
        with pytest.raises(DataError, match=r"cut\.pkl: not a whole pickle"):
            load(file)


def test_npy_of_objects_and_of_numbers(tmp_path: Path) -> None:
    file = tmp_path / "series.npy"
    content = {"data": IMAGES, "label": np.array([1, 24])}
    np.save(file, np.array(content, dtype=object), allow_pickle=True)
    assert np.array_equal(load_npy(file)[()]["data"], IMAGES)
    map_ = np.empty(3, dtype=object)
    map_[:] = [4, "ACDE", np.eye(4)]
    np.save(file, map_, allow_pickle=True)
    assert load_npy(file)[1] == "ACDE"
    np.save(file, IMAGES)
    assert np.array_equal(load_npy(file), IMAGES)
    assert isinstance(load_npy(file, mmap=True), np.memmap)


def test_npy_that_is_damaged_or_calls_something(tmp_path: Path) -> None:
    file = tmp_path / "series.npy"
    np.save(file, np.array([Call(os.system, "true")], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"series\.npy: .*system.*not allowed"):
        load_npy(file)
    for content in (np.array({"a": IMAGES}, dtype=object), IMAGES):
        np.save(file, content, allow_pickle=True)
        whole = file.read_bytes()
        for size in (0, 5, 60, len(whole) - 1):
            file.write_bytes(whole[:size])
            with pytest.raises(DataError, match=r"series\.npy: not a whole \.npy file"):
                load_npy(file)
    file.write_bytes(pickle.dumps(IMAGES))
    with pytest.raises(DataError, match="magic"):
        load_npy(file)
    header = whole[:128].replace(b"(2, 3, 4)", b"(9, 3, 4)").replace(b"'|u1'", b"'|O' ")
    file.write_bytes(header + pickle.dumps(np.array([1, 2], dtype=object)))
    with pytest.raises(DataError, match="not an array of shape"):
        load_npy(file)
    with pytest.raises(DataError, match="no such file"):
        load_npy(tmp_path / "absent.npy")
