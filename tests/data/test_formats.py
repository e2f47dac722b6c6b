from __future__ import annotations

import gzip
import io
import pickle
import tarfile
import zipfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import h5py
import numpy as np
import pytest
from scipy.io import savemat

from kit import task
from kit.data import formats, raw, taking
from kit.errors import DataError
from kit.task import Source


def made(write: Callable[[io.BytesIO], object]) -> bytes:
    stream = io.BytesIO()
    write(stream)
    return stream.getvalue()


def tar(stream: io.BytesIO) -> None:
    with tarfile.open(fileobj=stream, mode="w") as archive:
        info = tarfile.TarInfo("a")
        info.size = 30000
        archive.addfile(info, io.BytesIO(b"\1" * 30000))


def zipped(stream: io.BytesIO) -> None:
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("a", bytes(900))


def hdf5(stream: io.BytesIO) -> None:
    with h5py.File(stream, "w") as content:
        content["a"] = np.arange(900)


GOOD = {
    "a.npy": made(lambda stream: np.save(stream, np.arange(900))),
    "b.npy": made(lambda stream: np.save(stream, np.array([{}], object))),
    "a.npz": made(lambda stream: np.savez(stream, x=np.arange(9))),
    "a.zip": made(zipped),
    "a.tar": made(tar),
    "a.tar.gz": gzip.compress(made(tar)),
    "a.gz": gzip.compress(b"1"),
    "a.pkl": pickle.dumps([1]),
    "a.mat": made(lambda stream: savemat(stream, {"a": np.eye(9)})),  # type: ignore[arg-type]
    "b.mat": made(hdf5),
    "a.csv": b"1,2\n",
    "a.z01": b"anything",
}
JUNK = {
    "empty": (b"", "it is empty"),
    "page": (b"<!doctype html><title>Hello</title>", "a web page instead of data"),
    "json": (b'{"error": "quota"}', "a JSON message in place of data"),
    "list": (b' [{"error": 403}]', "a JSON message in place of data"),
    "xml": (b"<?xml version='1.0'?><Error><Code>AccessDenied</Code></Error>", "an XML message"),
    "bare xml": (b"<Error><Code>AccessDenied</Code></Error>", "an XML message"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS pointer"),
    "text": (b"Too many requests", "not a"),
}
ANY_TEXT = ("a.z01",)


@pytest.mark.parametrize("name", GOOD)
@pytest.mark.parametrize("kind", JUNK)
def test_junk_is_told_from_data(tmp_path: Path, name: str, kind: str) -> None:
    content, message = JUNK[kind]
    file = tmp_path / "part"
    file.write_bytes(GOOD[name])
    assert formats.rejection(file, name) is None
    file.write_bytes(content)
    found = formats.rejection(file, name)
    if name in ANY_TEXT and kind in ("json", "list", "xml", "bare xml", "text"):
        assert found is None
    else:
        assert message in (found or "nothing")


@pytest.mark.parametrize(
    "name", sorted(set(GOOD) - {*ANY_TEXT, "a.gz", "a.tar.gz", "b.npy", "a.mat", "a.csv"})
)
def test_half_a_file_is_told(tmp_path: Path, name: str) -> None:
    file = tmp_path / "half"
    file.write_bytes(GOOD[name][: len(GOOD[name]) // 2])
    assert formats.rejection(file, name)


@pytest.mark.parametrize("kind", JUNK)
def test_no_raw_file_of_any_task_takes_junk(tmp_path: Path, kind: str) -> None:
    content, _ = JUNK[kind]
    for name in task.names():
        the_task = task.find(name)
        for source in the_task.sources:
            of_text = source.file.endswith(".txt") and kind not in ("empty", "page", "pointer")
            if source.folder or of_text:
                continue
            file = tmp_path / Path(source.file).name
            file.write_bytes(content)
            with pytest.raises(DataError):
                taking.take(the_task, source, file)
            assert not raw.place(the_task, source).exists()


def test_an_empty_file_is_never_pinned(tmp_path: Path) -> None:
    the_task = replace(task.find("darcy-flow"), sources=(Source(file="a.bin"),))
    (tmp_path / "a.bin").touch()
    with pytest.raises(DataError, match="it is empty"):
        taking.take(the_task, the_task.sources[0], tmp_path / "a.bin")
    raw.pin(the_task, "published")
    assert not (raw.folder_of(the_task) / raw.PINNED).exists()
