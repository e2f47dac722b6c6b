"""Architectures in text: JSON, or what the originals' decoding prints. No torch.

JSON is a table with ``path`` and ``cell``, or by the names of the originals' files ``network_path``
(``network_path_space``) and ``genotype``. A path is a list of levels, or (layers, levels, 3) zeros
and ones, whose column says how a level was reached: 0 from the finer one, 1 from itself, 2 from the
coarser one. Operations of a cell are named, or numbered as ``OPERATIONS``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from kit.files import decode_json
from kit.spaces.auto_deeplab.layout import LEVELS
from kit.spaces.names import OPERATIONS

NAMES = {
    "path": "path",
    "cell": "cell",
    "network_path": "path",
    "network_path_space": "path",
    "genotype": "cell",
    "architecture search results": "path",
    "new cell structure": "cell",
}
"""What either part is called in a file, or before the array that is printed."""
LABEL = re.compile(rf"({'|'.join(NAMES)}):")


def read(text: str) -> Any:
    """Return ``{"path": ..., "cell": ...}`` as a text has it, in the kind's own form if it can be.

    Raises:
        ValueError: it is none of these forms.
    """
    parts = decode_json(text, object) if text.lstrip().startswith(("{", "[")) else _printed(text)
    if not isinstance(parts, Mapping):
        raise ValueError("no table with 'path' and 'cell'")
    value: dict[str, Any] = {}
    for name, part in parts.items():
        if name not in NAMES:
            raise ValueError(f"{name!r} is no part of a trellis; there are 'path' and 'cell'")
        if NAMES[name] in value:
            raise ValueError(f"the {NAMES[name]} is there twice")
        value[NAMES[name]] = _path(part) if NAMES[name] == "path" else _cell(part)
    return value


def _printed(text: str) -> dict[str, Any]:
    """Return arrays as numpy prints them, by the label before each."""
    _, *pieces = LABEL.split(text)
    if not pieces:
        raise ValueError(
            "neither JSON nor 'architecture search results: [...]' and 'new cell structure: [...]'"
        )
    return {name: _array(name, body) for name, body in zip(pieces[::2], pieces[1::2], strict=True)}


def _array(name: str, body: str) -> Any:
    numbers = re.sub(r"(?<=[\d.\]])\s+(?=[\d\[-])", ", ", body[: body.rfind("]") + 1])
    numbers = re.sub(r"(?<=\d)\.(?!\d)", "", numbers)
    try:
        return json.loads(numbers)
    except ValueError:
        raise ValueError(f"what follows {name!r} is no array of numbers") from None


def _path(part: Any) -> Any:
    """Return levels where there are zeros and ones; anything else as it is."""
    if not (isinstance(part, list) and part and isinstance(part[0], list)):
        return part
    path: list[int] = []
    for layer, table in enumerate(part, 1):
        rows = table if isinstance(table, list) else []
        shaped = len(rows) == LEVELS and all(isinstance(r, list) and len(r) == 3 for r in rows)
        if not shaped or sorted(n for r in rows for n in r) != [0] * (3 * LEVELS - 1) + [1]:
            raise ValueError(f"path, layer {layer}: not {LEVELS} rows of 3 with a single 1")
        level, column = next((s, row.index(1)) for s, row in enumerate(rows) if 1 in row)
        before = level + column - 1
        if layer > 1 and path[-1] != before:
            raise ValueError(
                f"path, layer {layer}: level {level} is reached from level {before} by its column, "
                f"but the layer before is on level {path[-1]}"
            )
        path.append(level)
    return path


def _cell(part: Any) -> Any:
    """Return rows with names of operations where there are numbers; anything else as it is."""
    if not isinstance(part, list):
        return part
    return [_row(row) for row in part]


def _row(row: Any) -> Any:
    if not (isinstance(row, list) and len(row) == 2):
        return row
    edge, operation = row
    if type(operation) is int and 0 <= operation < len(OPERATIONS):
        operation = OPERATIONS[operation]
    return [edge, operation]
