"""What went wrong, told from exceptions, exits and logs."""

from __future__ import annotations

import errno

import pytest

from kit.errors import BusyError, DataError, UnavailableError
from kit.runs.failures import classify, from_exit, line_of


@pytest.mark.parametrize(
    ("error", "failure"),
    [
        (DataError("no data"), "data"),
        (BusyError("no GPU to be had"), "infrastructure"),
        (UnavailableError("no Ray cluster to be had"), "infrastructure"),
        (OSError(errno.ENOSPC, "No space left on device"), "disk"),
        (OSError(errno.EDQUOT, "Disk quota exceeded"), "disk"),
        (OSError(errno.EFBIG, "File too large"), "disk"),
        (OSError(errno.EROFS, "Read-only file system"), "disk"),
        (OSError(errno.EIO, "Input/output error"), "infrastructure"),
        (OSError(errno.ESTALE, "Stale file handle"), "infrastructure"),
        (OSError(errno.ENOTCONN, "Transport endpoint is not connected"), "infrastructure"),
        (OSError(errno.ENOENT, "No such file or directory"), "method"),
        (RuntimeError("read failed: Stale file handle"), "infrastructure"),
        (MemoryError(), "oom"),
        (RuntimeError("CUDA out of memory. Tried to allocate 2.00 GiB"), "gpu-oom"),
        (type("OutOfMemoryError", (RuntimeError,), {})("tried"), "gpu-oom"),
        (RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory"), "oom"),
        (RuntimeError("CUDA error: uncorrectable ECC error encountered"), "infrastructure"),
        (RuntimeError("all CUDA-capable devices are busy or unavailable"), "infrastructure"),
        (RuntimeError("CUDA error: device-side assert triggered"), "method"),
        (ValueError("loss is NaN"), "method"),
        (RuntimeError("DataLoader worker (pid 7) is killed by signal: Killed. "), "infrastructure"),
        (RuntimeError("DataLoader worker (pid(s) 7) exited unexpectedly"), "infrastructure"),
        (
            RuntimeError(
                "DataLoader worker (pid 7) is killed by signal: Bus error. It is possible that "
                "dataloader's workers are out of shared memory."
            ),
            "oom",
        ),
    ],
)
def test_exceptions(error: Exception, failure: str) -> None:
    assert classify(error) == failure


@pytest.mark.parametrize(
    ("code", "oom_killed", "log", "failure", "words"),
    [
        (137, True, [], "oom", "no memory left"),
        (137, False, [], "infrastructure", "SIGKILL"),
        (-9, False, ["CUDA out of memory"], "infrastructure", "SIGKILL"),
        (None, False, ["step 3"], "infrastructure", "nobody watched"),
        (-11, False, ["step 3"], "method", "SIGSEGV): step 3"),
        (135, False, ["insufficient shared memory (shm)"], "oom", "SIGBUS"),
        (143, False, [], "cancelled", "stopped"),
        (130, False, [], "cancelled", "stopped"),
        (1, False, ["Traceback", "OutOfMemoryError: CUDA out of memory"], "gpu-oom", "code 1"),
        (1, False, ["OSError: [Errno 28] No space left on device"], "disk", "code 1"),
        (1, False, ["OSError: [Errno 30] Read-only file system: 'x'"], "disk", "code 1"),
        (1, False, ["OSError: [Errno 5] Input/output error"], "infrastructure", "code 1"),
        (1, False, [], "method", "printed nothing"),
        (69, False, ["kit: the driver does not work"], "infrastructure", "code 69"),
        (2, False, ["kit: unknown task"], "method", "kit: unknown task"),
    ],
)
def test_exits(
    code: int | None, oom_killed: bool, log: list[str], failure: str, words: str
) -> None:
    found, line = from_exit(code, oom_killed, log)
    assert found == failure
    assert words in line


@pytest.mark.parametrize(
    ("message", "line"),
    [
        ("  two\n lines ", "two lines"),
        ("", "RuntimeError"),
        ("[12:00:01] context.cc:111: Invalid.\nStack trace:\n  [bt] (0) x.so(+0x1)", None),
        ("Invalid.\nException raised from get at a.h:41 (most recent call first):\nframe #0", None),
        ("Stack trace:\n  [bt] (0) x.so(+0x1)", "Stack trace: [bt] (0) x.so(+0x1)"),
    ],
)
def test_a_line_has_no_stack(message: str, line: str | None) -> None:
    expected = message.splitlines()[0] if line is None else line
    assert line_of(RuntimeError(message)) == expected
