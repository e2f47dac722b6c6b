"""Freed memory stays with the process, where the C library is glibc."""

from __future__ import annotations

import os
import platform
import resource
import subprocess
import sys

import pytest

from kit import allocator

GLIBC = pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="another C library")
# Blocks of 2 MB, twice: what the second round faults in is what the first one gave back.
PROGRAM = """
import ctypes, resource, sys
if sys.argv[1] == "kept":
    from kit.allocator import keep_freed_memory
    assert keep_freed_memory()
libc = ctypes.CDLL(None)
libc.malloc.restype = ctypes.c_void_p
libc.free.argtypes = [ctypes.c_void_p]
SIZE = 2 << 20
def blocks():
    found = [libc.malloc(ctypes.c_size_t(SIZE)) for _ in range(20)]
    for each in found:
        ctypes.memset(each, 1, SIZE)
    for each in found:
        libc.free(each)
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt
first = blocks()
print(blocks() - first)
"""


def faults(how: str, **variables: str) -> int:
    """Pages of 40 MB that a process fetches the second time."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path), **variables}
    command = [sys.executable, "-c", PROGRAM, how]
    done = subprocess.run(command, capture_output=True, text=True, env=environment, check=True)
    return int(done.stdout)


@GLIBC
def test_blocks_are_reused_page_by_page() -> None:
    pages = 40 * 2**20 // resource.getpagesize()
    assert faults("default") > pages / 4
    assert faults("kept") < pages / 100


@GLIBC
@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("MALLOC_TRIM_THRESHOLD_", "131072"),
        ("GLIBC_TUNABLES", "glibc.malloc.mmap_threshold=131072"),
    ],
)
def test_thresholds_of_the_users_own_hold(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(name, value)
    assert not allocator.keep_freed_memory()
    monkeypatch.delenv(name)
    assert allocator.keep_freed_memory()


def test_another_c_library_is_left_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("ctypes.CDLL", lambda _: object())
    assert not allocator.keep_freed_memory()
