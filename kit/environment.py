"""Reading environment variables whose values are numbers."""

from __future__ import annotations

import math
import os

from kit.errors import KitError

CHECKPOINT_SECONDS = "KIT_CHECKPOINT_SECONDS"
TAKE_BUSY = "KIT_TAKE_BUSY_GPU"


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
