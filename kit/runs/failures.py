"""Failure classes: what went wrong, by the exception that ended a run."""

from __future__ import annotations

import errno

from kit.errors import DataError
from kit.runs.records import Failure


def classify(error: BaseException) -> Failure:
    """Return the class of the failure that an exception stands for."""
    if isinstance(error, DataError):
        return "data"
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return "disk"
    if isinstance(error, MemoryError):
        return "oom"
    # By name and text: torch need not be imported, and its C++ side raises RuntimeErrors.
    if type(error).__name__ == "OutOfMemoryError" or "CUDA out of memory" in str(error):
        return "gpu-oom"
    if "DefaultCPUAllocator: can't allocate memory" in str(error):
        return "oom"
    return "method"
