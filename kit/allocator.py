"""How the C library's allocator deals with memory that was freed."""

from __future__ import annotations

import ctypes
import os

TRIM_THRESHOLD, MMAP_THRESHOLD = -1, -3
"""glibc's ``M_TRIM_THRESHOLD`` and ``M_MMAP_THRESHOLD`` (malloc.h)."""

KEPT_BYTES = 256 << 20
"""What is freed at the end of the heap stays with the process up to this size."""

LARGE_BYTES = 32 << 20
"""Larger blocks come from the system and go back to it; glibc takes no larger number."""

OWN = frozenset(("MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_THRESHOLD_"))
"""Environment variables of glibc by which a user says otherwise."""


def keep_freed_memory() -> bool:
    """Let this process keep freed memory for its next arrays, `KEPT_BYTES` at most.

    By default glibc gives the arrays of a layer back to the system as they are freed, and each page
    of the next ones is then fetched and zeroed anew (docs/kernel.md has what that takes). Numbers
    are not touched.

    Returns:
        Whether the thresholds were set. They are not where the C library is another one than glibc,
        nor where the user has set glibc's own variables.
    """
    tunables = os.environ.get("GLIBC_TUNABLES", "")
    if "_threshold" in tunables or not OWN.isdisjoint(os.environ):
        return False
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):
        return False
    return bool(mallopt(TRIM_THRESHOLD, KEPT_BYTES) and mallopt(MMAP_THRESHOLD, LARGE_BYTES))
