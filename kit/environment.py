"""Reading environment variables whose values are numbers or sizes."""

from __future__ import annotations

import math
import os
import re

from kit.errors import KitError

CHECKPOINT_SECONDS = "KIT_CHECKPOINT_SECONDS"
TAKE_BUSY = "KIT_TAKE_BUSY_GPU"
MEMORY = "KIT_MEMORY"
SIZE = re.compile(r"(\d+(?:\.\d*)?(?:e\d\d?)?)\s*(?:([kmgt])i?)?b?", re.IGNORECASE)
# Docker makes no container with less.
LEAST_MEMORY = 6 << 20


def number(variable: str, least: float = 0) -> float | None:
    """Return the value of a variable as a number, or None where it is unset or empty.

    Raises:
        KitError: it is no number, or less than ``least``.
    """
    text = os.environ.get(variable)
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not (math.isfinite(value) and value >= least):
        raise KitError(f"{variable} must be a number of at least {least}, not {text!r}")
    return value


def memory() -> int | None:
    """Return how many bytes a container may use (``KIT_MEMORY``), 0 for no limit, None if unset.

    Raises:
        KitError: it is no size such as 16g, or less than Docker takes.
    """
    text = os.environ.get(MEMORY)
    if not text:
        return None
    if found := SIZE.fullmatch(text.strip()):
        value = int(float(found[1]) * 1024 ** " kmgt".index((found[2] or " ").lower()))
        if value == 0 or LEAST_MEMORY <= value < 1 << 63:
            return value
    raise KitError(f"{MEMORY} must be a size of at least 6m, such as 16g, not {text!r}")
