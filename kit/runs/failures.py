"""Failure classes: what went wrong, by the exception or by the exit that ended a run."""

from __future__ import annotations

import errno
import re
import signal
from collections.abc import Sequence

from kit.errors import BusyError, DataError, UnavailableError
from kit.runs.records import Failure

# What libraries say, by class of failure; the first class that matches counts. Texts are compared,
# not types: torch need not be imported for them, its C++ code raises plain RuntimeErrors, and a
# killed process leaves nothing but its log.
TEXTS: tuple[tuple[Failure, re.Pattern[str]], ...] = (
    (
        "gpu-oom",
        re.compile(r"CUDA out of memory|cuda\.OutOfMemoryError|(CUDNN|CUBLAS)_STATUS_ALLOC_FAILED"),
    ),
    (
        "disk",
        re.compile(
            r"No space left on device|Disk quota exceeded|Read-only file system|File too large"
        ),
    ),
    (
        "oom",
        re.compile(
            r"can't allocate memory|Cannot allocate memory|^MemoryError|insufficient shared memory"
            r"|out of shared memory"
        ),
    ),
    (
        "infrastructure",
        re.compile(
            r"uncorrectable ECC error|GPU is lost|fallen off the bus|busy or unavailable"
            r"|no CUDA-capable device is detected|Driver/library version mismatch"
            r"|CUDA driver initialization failed|Stale file handle|Input/output error"
            r"|Transport endpoint is not connected|Remote I/O error"
            # A worker process that reads batches; torch does not always know how it ended.
            r"|DataLoader worker .*(killed by signal: Killed|exited unexpectedly)"
        ),
    ),
)
# What begins a stack in the messages of XGBoost and of torch.
STACK = re.compile(r"Stack trace: \[bt\]|Exception raised from .* \(most recent call first\):")
# A disk that is full or read-only, and one (or a file server) that is not there for the moment.
ERRNOS: dict[int | None, Failure] = {
    **dict.fromkeys((errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS), "disk"),
    **dict.fromkeys(
        (errno.EIO, errno.ESTALE, errno.ENOTCONN, errno.EREMOTEIO, errno.ENODEV, errno.ENXIO),
        "infrastructure",
    ),
}


class TrialError(Exception):
    """A trial failed in another process, which has told the class of the failure."""

    def __init__(self, failure: Failure, message: str) -> None:
        super().__init__(message)
        self.failure = failure


def line_of(error: BaseException) -> str:
    """Return what an exception says, in one line, without the stack of a library's C++ code."""
    words = " ".join(str(error).split())
    return STACK.split(words)[0].rstrip() or words or type(error).__name__


def classify(error: BaseException) -> Failure:
    """Return the class of the failure that an exception stands for."""
    if isinstance(error, TrialError):
        return error.failure
    if isinstance(error, DataError):
        return "data"
    if isinstance(error, BusyError | UnavailableError):
        return "infrastructure"
    if isinstance(error, OSError) and error.errno in ERRNOS:
        return ERRNOS[error.errno]
    if isinstance(error, MemoryError):
        return "oom"
    if type(error).__name__ == "OutOfMemoryError":
        return "gpu-oom"
    return _by_text([str(error)]) or "method"


def from_exit(code: int | None, oom_killed: bool, log: Sequence[str]) -> tuple[Failure, str]:
    """Return the class of failure of a run whose status says nothing of it, and a line about it.

    Args:
        code: of the process; a signal as ``-n`` or as ``128 + n``; None where nobody knows.
        oom_killed: the kernel ended it for want of memory.
        log: its last lines.
    """
    if oom_killed:
        return "oom", "killed by the kernel, which had no memory left"
    last = log[-1] if log else "it printed nothing"
    number = _signal(code)
    if code is None:
        return "infrastructure", "it ended while nobody watched"
    if number in (signal.SIGINT, signal.SIGTERM):
        return "cancelled", "stopped from outside"
    if number == signal.SIGKILL:
        return "infrastructure", "killed from outside (SIGKILL)"
    told = _by_text(log)
    if number is not None:
        return told or "method", f"crashed ({signal.Signals(number).name}): {last}"
    unknown: Failure = "infrastructure" if code == UnavailableError.exit_code else "method"
    return told or unknown, f"exit code {code}: {last}"


def _signal(code: int | None) -> int | None:
    number = -code if code is not None and code < 0 else (code or 0) - 128
    return number if number in set(signal.Signals) else None


def _by_text(lines: Sequence[str]) -> Failure | None:
    for failure, pattern in TEXTS:
        if any(pattern.search(line) for line in lines):
            return failure
    return None
