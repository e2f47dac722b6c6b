from __future__ import annotations

import errno
import fcntl
import os
import pickle
import resource
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path

import msgspec
import numpy as np
import pytest

from kit import Architecture, architecture, files, task
from kit.data import npy, pickles, taking
from kit.data.own import files as own
from kit.data.own.reading import Ask
from kit.data.recognise import recognise
from kit.errors import DataError, KitError
from kit.search import keeping
from kit.search.kernel_dilation import KernelDilation
from kit.spaces.darts import load_genotype
from kit.spaces.nas_bench_201 import files as tables


def test_interrupted_write_leaves_the_old_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    files.write_bytes(path, b"old")
    with pytest.raises(OSError, match="full"), files.replacing(path) as stream:  # noqa: PT012
        stream.write(b"new")
        raise OSError(errno.ENOSPC, "disk full")
    assert path.read_bytes() == b"old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_error_of_the_disk_names_the_file(tmp_path: Path) -> None:
    path = tmp_path / "result.json"
    with pytest.raises(OSError, match="full") as told, files.replacing(path):
        raise OSError(errno.ENOSPC, "disk full")
    assert told.value.filename == str(path)


@pytest.mark.parametrize("name", ["x" * 255, "é" * 127, "\U0001f642" * 63], ids=len)
def test_a_name_may_be_as_long_as_names_can_be(name: str, tmp_path: Path) -> None:
    files.write_bytes(tmp_path / name, b"1")
    assert [path.name for path in tmp_path.iterdir()] == [name]
    with pytest.raises(OSError, match="too long") as told:
        files.write_bytes(tmp_path / (name + "xxxx"), b"1")
    assert str(tmp_path / name) in f"{told.value.filename}{told.value.filename2}"
    assert len(list(tmp_path.iterdir())) == 1


def test_a_folder_that_takes_no_file_is_told_by_the_files_name() -> None:
    with pytest.raises(OSError, match=r"x\.csv") as told:
        files.write_bytes(Path("/proc/x.csv"), b"1")
    assert told.value.filename == "/proc/x.csv"


def test_what_numpy_cannot_write_is_a_full_disk_in_another_process_too(tmp_path: Path) -> None:
    path = tmp_path / "x.npy"
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (8192, hard))
    try:
        with pytest.raises(OSError, match="No space left") as told, files.replacing(path) as stream:
            np.save(stream, np.zeros(10_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert pickle.loads(pickle.dumps(told.value)).filename == str(path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("mask", "mode"), [(0o022, 0o644), (0o077, 0o600), (0o002, 0o664)])
def test_files_have_the_modes_that_the_user_asks_for(tmp_path: Path, mask: int, mode: int) -> None:
    before = os.umask(mask)
    try:
        files.write_bytes(tmp_path / "file", b"")
    finally:
        os.umask(before)
    assert (tmp_path / "file").stat().st_mode & 0o777 == mode


@pytest.mark.parametrize(
    "content", [b"[" * 100_000, b'{"a":' * 100_000, b"{", b"\xff", b'{"a": "\xff"}']
)
def test_json_of_others_is_read_or_refused(content: bytes) -> None:
    with pytest.raises(msgspec.DecodeError):
        files.decode_json(content, dict[str, object])


@pytest.mark.parametrize("text", ['{"a": 1, "a": 1}', '[{"b": {"a": 1, "c": 2, "a": 3}}]'])
def test_json_that_somebody_wrote_has_a_key_once(text: str) -> None:
    for content in (text, text.encode()):
        with pytest.raises(msgspec.DecodeError, match="'a' is there twice in one table; leave one"):
            files.decode_given_json(content)


def test_json_that_somebody_wrote_is_read_as_all_json() -> None:
    text = f'[{{"a": {{"a": 1}}}}, {{"a": 1.5}}, {"7" * 300}, "é"]'
    assert files.decode_given_json(text) == files.decode_json(text, object)
    with pytest.raises(msgspec.DecodeError):
        files.decode_given_json("[NaN]")


def test_json_has_one_text_whatever_the_order_of_keys() -> None:
    left = files.canonical_json({"b": 1e-5, "a": {"d": 0.1, "c": 2}})
    right = files.canonical_json({"a": {"c": 2, "d": 0.1}, "b": 0.00001})
    assert left == right


def test_lock_is_held_once(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    with files.locked(lock) as first, files.locked(lock) as second:
        assert first
        assert not second
    with files.locked(lock) as again:
        assert again


def test_a_lock_leaves_no_file_and_looking_at_it_disturbs_nobody(tmp_path: Path) -> None:
    lock = tmp_path / "lock"
    assert not files.is_locked(lock)
    with files.locked(lock):
        assert files.is_locked(lock)
    assert not lock.exists()
    lock.touch()  # left by a process that was killed
    assert not files.is_locked(lock)
    with files.locked(lock) as mine:
        assert mine


def test_a_lock_that_was_moved_takes_no_other_away(tmp_path: Path) -> None:
    lock = tmp_path / "folder" / "lock"
    with files.locked(lock):
        lock.parent.rename(tmp_path / "moved")
        other = files.locked(lock)
        assert other.__enter__()
    assert files.is_locked(lock)
    other.__exit__(None, None, None)
    assert not lock.exists()


def test_a_lock_taken_on_a_file_just_removed_counts_for_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The holder lets go, and removes the file, between another's open and its flock."""
    lock, holder, flock = tmp_path / "lock", ExitStack(), fcntl.flock
    holder.enter_context(files.locked(lock))

    def slow(handle: int, how: int) -> None:
        holder.close()
        flock(handle, how)

    monkeypatch.setattr(fcntl, "flock", slow)
    with files.locked(lock) as mine:
        assert not mine
    with files.locked(lock, wait=1) as mine, files.locked(lock) as other:
        assert mine
        assert not other


def test_what_is_no_file_is_told_by_its_kind(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    link = tmp_path / "link.csv"
    link.symlink_to("/dev/null")
    with pytest.raises(DataError, match="pipe: a named pipe, not a file; save what it gives"):
        files.check_plain(pipe)
    with pytest.raises(ValueError, match=r"link\.csv: a device"):
        files.check_plain(link, ValueError)
    for other in (tmp_path, Path(__file__), tmp_path / "missing"):
        files.check_plain(other)


@pytest.mark.parametrize(
    "read",
    [
        npy.load,
        npy.is_npz,
        pickles.load,
        tables.read,
        Architecture.load,
        load_genotype,
        lambda file: keeping.resume(file, {}, {}, 1),
        lambda file: recognise(task.find("ecg"), file),
        lambda file: taking.take(task.find("ecg"), task.find("ecg").sources[0], file),
        lambda file: architecture.load(file, KernelDilation()),
        lambda file: own.read([str(file)], Ask()),
    ],
)
def test_readers_wait_for_no_pipe(read: Callable[[Path], object]) -> None:
    # A device, since a pipe would be waited for where it is not refused.
    with pytest.raises((KitError, ValueError), match=r"^/dev/null: a device, not a file"):
        read(Path("/dev/null"))
