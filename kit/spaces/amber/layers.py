"""Architectures of AMBER's space: ``[[operation, [earlier layer, ...]], ...]``. No torch."""

from __future__ import annotations

import csv
import json
import math
import re
from collections.abc import Sequence
from typing import Any

from kit.files import decode_json
from kit.spaces.amber import drawing
from kit.spaces.amber.tokens import OPERATIONS, Layer, from_tokens, to_tokens

LAYERS = 12
"""As the released search has them."""
MOST = 999
"""Layers; more are a mistake."""
WHOLE = r"-?\d{1,9}"
"""A token, right or wrong."""


class Layers:
    """The kind of architecture that AMBER searches: see ``kit.architecture.ArchitectureKind``."""

    name, version = "layers", 1

    def read(self, text: str) -> Any:
        """Read JSON, tokens, or the history that the released search writes.

        JSON is a list of layers or of tokens. Tokens are whole numbers between commas or blanks. Of
        a history (step, [knowledge, reward], reward, tokens in each line) it is the child with the
        largest reward, the first of several.

        Raises:
            ValueError: it is none of these.
        """
        words = text.replace(",", " ").split()
        if words and all(re.fullmatch(WHOLE, each) for each in words):
            return _spelt(from_tokens([int(each) for each in words]))
        if re.match(r"\s*\d+\s*,\s*\"?\[", text):
            return _spelt(_best(text))
        value = decode_json(text, object)
        if isinstance(value, list) and value and all(type(each) is int for each in value):
            return _spelt(from_tokens(value))
        return value

    def check(self, value: Any) -> None:
        """Hold a value to its form.

        Raises:
            ValueError: naming the layer that is wrong.
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
        """Return the share of tokens, of both together, that are the same in both."""
        left, right = to_tokens(one), to_tokens(other)
        same = sum(a == b for a, b in zip(left, right, strict=False))
        return same / max(len(left), len(right))

    def describe(self, value: Any, spec: Any, task: Any) -> str:
        """Return a line per layer: its number, its operation, what is added to its output."""
        del spec, task
        lines = []
        for number, (operation, skips) in enumerate(value):
            added = f" + {', '.join(map(str, skips))}" if skips else ""
            lines.append(f"{number} {operation}{added}\n")
        return "".join(lines)

    def draw(self, axes: Any, value: Any, spec: Any, task: Any) -> None:
        """Draw the layers from left to right, and an arc for each output that is added later."""
        del spec, task
        drawing.draw(axes, value)

    def sketch(self, value: Any) -> tuple[str, str] | None:
        """Return the same drawing for a page; None where the layers are too many."""
        return drawing.sketch(value)

    def setting(self, value: Any) -> Any:
        """Return the value as it is."""
        return value


def _spelt(layers: Sequence[Layer]) -> list[list[Any]]:
    """Return layers as JSON has them."""
    return [[operation, list(skips)] for operation, skips in layers]


def _best(text: str) -> list[Layer]:
    """Return the layers in the line of a history that has the largest reward."""
    best: tuple[float, list[int]] | None = None
    for number, row in enumerate(csv.reader(text.splitlines(), skipinitialspace=True), 1):
        if not row:
            continue
        try:
            _, _, reward, *tokens = row
            found = float(reward), [int(each) for each in tokens]
        except ValueError:
            raise ValueError(
                f"line {number} is none of a history: step, [knowledge, reward], reward, tokens"
            ) from None
        if found[0] > (-math.inf if best is None else best[0]):
            best = found
    if best is None:
        raise ValueError("no line of the history has a reward that is a number")
    return from_tokens(best[1])


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
