"""Readers in a process of its own that may have so much memory, fed with files of nobody's making.

``FOLDER`` reads each file there by the reader that its name begins with, and prints what came.
``EXAMPLES [READER]...`` lets hypothesis damage good files of those readers.
"""

from __future__ import annotations

import gzip
import io
import os
import pickle
import resource
import sys
import tarfile
import tempfile
import warnings
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import h5py
import numpy as np
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from scipy.io import savemat

from kit import discovery, task
from kit.data import archives, checks, matlab, npy, pickles
from kit.data.pickles import unpickler
from kit.errors import KitError

MEMORY = 4 << 30
# The half minute to the last opcode is CI's to spend.
OPCODES = unpickler.OPCODES if "KIT_FUZZ_EXAMPLES" in os.environ else unpickler.OPCODES // 3
GRID = (2, 3)


def of_task(name: str, module: str) -> Any:
    return discovery.load("tasks", task.find(name).folder, module)


def _mat(file: Path) -> object:
    if matlab.is_hdf5(file):
        with matlab.hdf5(file) as content:
            found = matlab.dataset(content, "val")
            return None if found is None else np.asarray(found[:2])
    return matlab.load(file, ("val",)).get("val")


def _members(file: Path) -> object:
    return [(name, stream.read(1 << 24)) for name, stream in archives.members(file)]


def _numbers(file: Path) -> object:
    content = pickles.load(file)
    data = checks.fields(file.name, content, ("data",))["data"]
    return checks.numbers(f"{file.name}: data", data, (None, 3)).sum()


def _weights(file: Path) -> object:
    from kit.training import tensors

    return tensors.load(file)


READERS: dict[str, Callable[[Path], object]] = {
    "pickle": partial(pickles.load, opcodes=OPCODES),
    "numbers": _numbers,
    "objects": lambda file: pickles.load_npy(file).tolist(),
    "npy": npy.load,
    "npz": lambda file: npy.load_npz(file, ("x",), ("y",)),
    "mat": _mat,
    "hdf5": _mat,
    "archive": _members,
    "idx": lambda file: of_task("sequential-mnist", "idx").read(file, 2),
    "wav": lambda file: of_task("fsd50k", "audio").read_wav(file.name, file.read_bytes()),
    "ecg": lambda file: of_task("ecg", "records").read_pickle(file),
    "weights": _weights,
}

FUZZED = [name for name in READERS if name != "weights"]


def good(reader: str) -> list[bytes]:
    """Return files that a reader takes."""
    numbers = {"data": np.arange(6.0).reshape(GRID), "more": [1, "a", b"b", {2: (None, True)}]}
    made: list[bytes] = []

    def add(write: Callable[[io.BytesIO], object]) -> None:
        stream = io.BytesIO()
        write(stream)
        made.append(stream.getvalue())

    if reader in ("pickle", "numbers", "ecg"):
        content: Any = numbers
        if reader == "ecg":
            content = {"data": [np.arange(5, dtype="i2"), [1, 2]], "label": ["N", "A"]}
        made += [pickle.dumps(content, protocol) for protocol in (0, 2, 4, 5)]
        made.append(gzip.compress(made[1]))
    elif reader == "objects":
        add(lambda stream: np.save(stream, np.array([1, "a", np.eye(2)], object)))
        add(lambda stream: np.save(stream, np.array(numbers, object)))
    elif reader == "npy":
        add(lambda stream: np.save(stream, np.arange(6.0).reshape(GRID)))
        add(lambda stream: np.save(stream, np.array(["ab", "c"])))
    elif reader == "npz":
        add(lambda stream: np.savez(stream, x=np.arange(5), y=np.array([True])))
        add(lambda stream: np.savez_compressed(stream, x=np.zeros((3, 3))))
    elif reader == "mat":
        for form, packed in (("4", False), ("5", False), ("5", True)):
            add(partial(_savemat, form=form, packed=packed))
    elif reader == "hdf5":
        add(_hdf5)
        add(partial(_hdf5, chunks=(1, 2), compression=1))
        add(partial(_hdf5, chunks=GRID, shuffle=True, fletcher32=True))
    elif reader == "archive":
        for mode in ("w", "w:gz"):
            add(partial(_tar, mode=mode))
        add(_zip)
    elif reader == "idx":
        head = bytes([0, 0, 8, 2, 0, 0, 0, 2, 0, 0, 0, 3])
        made.append(gzip.compress(head + bytes(6)))
    elif reader == "wav":
        size = (44144).to_bytes(4, "little")
        chunk = b"fmt \x10\0\0\0\x01\0\x01\0\x22\x56\0\0\x44\xac\0\0\x02\0\x10\0"
        made.append(b"RIFF" + size + b"WAVE" + chunk + b"data\x10\0\0\0" + bytes(range(16)))
    return made


def _savemat(stream: io.BytesIO, form: Any, packed: bool) -> None:
    # scipy writes streams too; its types do not say so.
    savemat(cast(Any, stream), {"val": np.ones(GRID, "i2")}, format=form, do_compression=packed)


def _hdf5(stream: io.BytesIO, **how: Any) -> None:
    with h5py.File(stream, "w") as content:
        content.create_dataset("val", data=np.ones(GRID, "f4"), **how)


def _tar(stream: io.BytesIO, mode: Any) -> None:
    with tarfile.open(fileobj=stream, mode=mode, format=tarfile.PAX_FORMAT) as archive:
        for name in ("a", "ä" * 120):
            info = tarfile.TarInfo(name)
            info.size = 600
            archive.addfile(info, io.BytesIO(bytes(600)))


def _zip(stream: io.BytesIO) -> None:
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("a", bytes(600))
        archive.writestr("b/c", b"text")


def read(reader: str, file: Path) -> str:
    """Return what came of a file: a type, or the one line of its refusal."""
    try:
        return type(READERS[reader](file)).__name__
    except KitError as error:
        line = f"refused: {error}"
    if "\n" in line or len(line) > 1000:
        raise ValueError(f"not one line: {line}")
    return line


def fuzz(reader: str, examples: int) -> None:
    """Damage good files: bytes changed, cut, doubled, put in."""
    corpus = good(reader)
    edit = st.tuples(
        st.sampled_from(["set", "cut", "put", "drop", "end"]),
        st.integers(0, 1 << 16),
        st.one_of(
            st.binary(max_size=9), st.sampled_from([b"\xff" * 4, b"\x7f\xff\xff\xff", b"(" * 99])
        ),
    )

    @settings(
        max_examples=examples,
        derandomize=True,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.sampled_from(corpus), st.lists(edit, min_size=1, max_size=4), st.booleans())
    def damaged(content: bytes, edits: list[tuple[str, int, bytes]], packed: bool) -> None:
        inside = content[:2] == b"\x1f\x8b" and packed
        content = gzip.decompress(content) if inside else content
        for what, place, piece in edits:
            at = place % (len(content) + 1)
            content = {
                "set": content[:at] + piece + content[at + len(piece) :],
                "cut": content[:at] + content[at + len(piece) :],
                "put": content[:at] + piece + content[at:],
                "drop": content[:at],
                "end": content + piece,
            }[what]
        file.write_bytes(gzip.compress(content) if inside else content)
        read(reader, file)

    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / reader
        for content in corpus:
            file.write_bytes(content)
            assert not read(reader, file).startswith("refused"), f"a good {reader} is refused"
        damaged()


if __name__ == "__main__":
    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    if sys.argv[1].isdigit():
        for name in sys.argv[2:] or FUZZED:
            fuzz(name, int(sys.argv[1]))
    else:
        for each in sorted(Path(sys.argv[1]).iterdir()):
            print(each.name, read(each.name.partition("-")[0], each), sep="\t", flush=True)
        print("end")
