"""Architectures of AMBER's space: ``[[operation, [earlier layer, ...]], ...]``. No torch."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Sequence
from typing import Any

from kit.files import decode_given_json
from kit.spaces.amber import drawing
from kit.spaces.amber.tokens import OPERATIONS, Layer, from_tokens, to_tokens

LAYERS = 12
"""Number of layers in the released search."""
MOST = 999
"""Upper bound of the number of layers; more are a mistake."""
WHOLE = r"-?\d{1,9}"
"""The pattern of an integer, which may be a valid token or not."""


class Layers:
    """The kind of architecture that AMBER searches: see ``kit.architecture.ArchitectureKind``."""

    name, version = "layers", 1

    def read(self, text: str) -> Any:
        """Return the value in a text: JSON, tokens, or a history that the released search writes.

        JSON is a list of layers or of tokens. Tokens are integers separated by commas or blanks.
        Each line of a history is: step, [knowledge, reward], reward, tokens; the value is that of
        the line with the largest reward, the first one of ties. Layers in JSON are not checked.

        Raises:
            ValueError: the text is none of these.
        """
        words = text.replace(",", " ").split()
        if words and all(re.fullmatch(WHOLE, each) for each in words):
            return _as_lists(from_tokens([int(each) for each in words]))
        if re.match(r"\s*\d+\s*,\s*\"?\[", text):
            return _as_lists(_best(text))
        value = decode_given_json(text)
        if isinstance(value, list) and value and all(type(each) is int for each in value):
            return _as_lists(from_tokens(value))
        return value

    def check(self, value: Any) -> None:
        """Check that a value, which may be any JSON, is an architecture.

        Raises:
            ValueError: it is not; the message names the layer that is wrong.
        """
        if not isinstance(value, list | tuple) or not value:
            raise ValueError("no list of [operation, [earlier layers]], nor tokens")
        if len(value) > MOST:
            raise ValueError(f"{len(value)} layers; {MOST} are the most")
        for number, layer in enumerate(value):
            if not isinstance(layer, list | tuple) or len(layer) != 2:
                raise ValueError(f"layer {number} is no [operation, [earlier layers]]")
            operation, skips = layer
            if not isinstance(operation, str) or operation not in OPERATIONS:
                raise ValueError(
                    f"layer {number}: the operation is one of {', '.join(OPERATIONS)}, not "
                    f"{_short(operation)}"
                )
            if not isinstance(skips, list | tuple):
                raise ValueError(f"layer {number}: no list of earlier layers: {_short(skips)}")
            for earlier in skips:
                if type(earlier) is not int or not 0 <= earlier < number:
                    raise ValueError(
                        f"layer {number}: "
                        + (
                            f"it can add layers 0 to {number - 1}"
                            if number
                            else "nothing is before"
                        )
                        + f", not {_short(earlier)}"
                    )
            if list(skips) != sorted(set(skips)):
                raise ValueError(
                    f"layer {number}: earlier layers ascend, each once, not {_short(skips)}"
                )

    def likeness(self, one: Any, other: Any) -> float:
        """Return the share, from 0 to 1, of the longer one's tokens that are the same in both."""
        left, right = to_tokens(one), to_tokens(other)
        same = sum(a == b for a, b in zip(left, right, strict=False))
        return same / max(len(left), len(right))

    def describe(self, value: Any, spec: Any, task: Any) -> str:
        """Return one line per layer: number, operation, layers whose outputs are added."""
        del spec, task
        lines = []
        for number, (operation, skips) in enumerate(value):
            added = f" + {', '.join(map(str, skips))}" if skips else ""
            lines.append(f"{number} {operation}{added}\n")
        return "".join(lines)

    def draw(self, axes: Any, value: Any, spec: Any, task: Any) -> None:
        """Draw the layers on axes of matplotlib, with an arc for each skip connection."""
        del spec, task
        drawing.draw(axes, value)

    def sketch(self, value: Any) -> tuple[str, str] | None:
        """Return an SVG element with the layers, and its legend; None if there are too many."""
        return drawing.sketch(value)

    def setting(self, value: Any, task: Any) -> Any:
        """Return the value itself."""
        del task
        return value


def _as_lists(layers: Sequence[Layer]) -> list[list[Any]]:
    """Return layers as the lists of a JSON value."""
    return [[operation, list(skips)] for operation, skips in layers]


def _best(text: str) -> list[Layer]:
    """Return the layers of the line of a history with the largest reward, the first of ties."""
    best: tuple[float, list[int]] | None = None
    for number, row in enumerate(csv.reader(text.splitlines(), skipinitialspace=True), 1):
        if not row:
            continue
        try:
            _, _, reward, *tokens = row
            entry = float(reward), [int(each) for each in tokens]
        except ValueError:
            raise ValueError(
                f"line {number} is none of a history: step, [knowledge, reward], reward, tokens"
            ) from None
        if entry[0] > (-math.inf if best is None else best[0]):
            best = entry
    if best is None:
        raise ValueError("no line of the history has a reward that is a number")
    return from_tokens(best[1])


def _short(value: Any) -> str:
    """Return a value as JSON, cut to 40 characters."""
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
