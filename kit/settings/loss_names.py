"""Names of losses, with their parameters. No torch; the losses are in ``kit.training.losses``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Annotated, Literal

from msgspec import Meta

from kit.errors import KitError, nearest, unknown

Answers = Literal["classes", "labels", "numbers"]
"""One class of several, labels that are 0 or 1 each, or any numbers."""
ANSWERS: Mapping[str, Answers] = {
    "cross-entropy": "classes",
    "focal": "classes",
    "bce": "labels",
    "masked-bce": "labels",
    "zeroed-bce": "labels",
    "mse": "numbers",
    "mae": "numbers",
    "scaled-mse": "numbers",
    "scaled-mae": "numbers",
    "pinball": "numbers",
    "log-cosh": "numbers",
    "relative-l2": "numbers",
}
# The parameters of those that have some.
PARAMETERS: Mapping[str, tuple[str, ...]] = {
    "focal": ("gamma", "alpha"),
    "bce": ("pos-weight",),
    "masked-bce": ("pos-weight",),
    "scaled-mse": ("scale",),
    "scaled-mae": ("scale",),
    "pinball": ("quantile", "scale"),
}
# One for all outputs, or one for each.
Numbers = float | tuple[float, ...]
LossName = Annotated[str, Meta(extra={"of": "loss"})]
"""The type of settings that name one of these losses, and no word of a method's own."""


def parse(name: str) -> tuple[str, dict[str, Numbers]]:
    """Return a loss without its parameters, and these as arguments of its function.

    Args:
        name: of the loss, then its parameters if any: ``focal:gamma=3,alpha=6``.

    Raises:
        KitError: the name or a parameter is unknown, a parameter is given twice, or a value is out
            of range.
    """
    base, colon, text = name.partition(":")
    if base not in ANSWERS:
        raise unknown("loss", base, ANSWERS)
    given = [_option(name, base, each) for each in text.split(",")] if colon else []
    options = dict(given)
    if len(options) < len(given):
        raise KitError(f"loss {name!r}: a parameter is there twice")
    return base, options


def _option(name: str, base: str, text: str) -> tuple[str, Numbers]:
    key, _, value = (part.strip() for part in text.partition("="))
    known = PARAMETERS.get(base, ())
    if key not in known:
        raise KitError(f"loss {name!r}: no parameter {key!r}{nearest(key, known)}")
    try:
        numbers = tuple(float(word) for word in value.split("/"))
    except ValueError:
        numbers = (math.nan,)
    if not all(math.isfinite(number) and number >= 0 for number in numbers):
        raise KitError(f"loss {name!r}: {key} must be a number of at least 0, not {value!r}")
    if len(numbers) > 1 and key != "scale":
        raise KitError(f"loss {name!r}: {key} is one number, not {value!r}")
    if key == "scale" and 0 in numbers:
        raise KitError(f"loss {name!r}: scale divides, so it is above 0, not {value!r}")
    if key == "quantile" and not 0 < numbers[0] < 1:
        raise KitError(f"loss {name!r}: quantile lies between 0 and 1, not {value!r}")
    return key.replace("-", "_"), numbers if len(numbers) > 1 else numbers[0]
