"""Architectures in text: JSON, or what the decoding of the papers' code prints. No torch.

JSON is an object with ``path`` and ``cell``, or with the names of the files of the code,
``network_path`` or ``network_path_space``, and ``genotype``. A path is a list of levels, or an
array (layers, levels, 3) of zeros and ones, with a 1 in the row of each layer's level. Its column
says how the level was reached: 0 from the finer level, 1 from the same, 2 from the coarser one.
Operations of a cell are names or indices of ``OPERATIONS``.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any

from kit.files import decode_given_json
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
"""Name of a part in a file, or before a printed array -> its name in a value."""
LABEL = re.compile(rf"({'|'.join(NAMES)}):")


def read(text: str) -> Any:
    """Return ``{"path": ..., "cell": ...}`` of a text, with levels and names of operations.

    Other contents of the two parts are returned as they are, for ``kind.Trellis.check``.

    Raises:
        ValueError: the text has none of these forms.
    """
    parts = decode_given_json(text) if text.lstrip().startswith(("{", "[")) else _printed(text)
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
    """Return label -> array of a text with arrays as NumPy prints them."""
    _, *pieces = LABEL.split(text)
    if not pieces:
        raise ValueError(
            "neither JSON nor 'architecture search results: [...]' and 'new cell structure: [...]'"
        )
    return {name: _array(name, body) for name, body in zip(pieces[::2], pieces[1::2], strict=True)}


def _array(name: str, body: str) -> Any:
    """Return a printed array as lists; ``name`` is its label, for the message."""
    numbers = re.sub(r"(?<=[\d.\]])\s+(?=[\d\[-])", ", ", body[: body.rfind("]") + 1])
    numbers = re.sub(r"(?<=\d)\.(?!\d)", "", numbers)
    try:
        return json.loads(numbers)
    except ValueError:
        raise ValueError(f"what follows {name!r} is no array of numbers") from None


def _path(part: Any) -> Any:
    """Return the levels of a path that is given as zeros and ones; anything else as it is."""
    if not (isinstance(part, list) and part and isinstance(part[0], list)):
        return part
    path: list[int] = []
    for layer, table in enumerate(part, 1):
        rows = table if isinstance(table, list) else []
        valid = len(rows) == LEVELS and all(isinstance(r, list) and len(r) == 3 for r in rows)
        if not valid or sorted(n for r in rows for n in r) != [0] * (3 * LEVELS - 1) + [1]:
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
    """Return the rows of a cell with names in place of indices; anything else as it is."""
    if not isinstance(part, list):
        return part
    return [_row(row) for row in part]


def _row(row: Any) -> Any:
    """Return a row with the name of its operation in place of its index."""
    if not (isinstance(row, list) and len(row) == 2):
        return row
    edge, operation = row
    if type(operation) is int and 0 <= operation < len(OPERATIONS):
        operation = OPERATIONS[operation]
    return [edge, operation]
