"""Architectures of Auto-DeepLab's space as data. No torch.

A value is ``{"path": [level after each layer], "cell": [[edge, operation], ...]}``. The cell has
two rows for each step, the stronger edge first; the module ``layout`` explains the numbers of edges
and levels.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kit.spaces.auto_deeplab import drawing, reading
from kit.spaces.auto_deeplab.layout import LEVELS, first_edge, sources
from kit.spaces.names import OPERATIONS

# At least three layers, since the decoder reads the output of the third cell.
FEWEST_LAYERS, MOST_LAYERS, MOST_STEPS = 3, 100, 20


class Trellis:
    """The kind of architecture that Auto-DeepLab searches: see ``kit.architecture``."""

    name, version = "trellis", 1

    def read(self, text: str) -> Any:
        """Return the value in a text: JSON, or what the papers' code prints; see ``reading``.

        Raises:
            ValueError: the text is neither.
        """
        return reading.read(text)

    def check(self, value: Any) -> None:
        """Check that a value, which may be any JSON, is an architecture.

        Raises:
            ValueError: it is not; the message names the layer or the row that is wrong.
        """
        if not isinstance(value, dict) or set(value) != {"path", "cell"}:
            raise ValueError("no table with 'path' and 'cell' alone")
        _check_path(value["path"])
        _check_cell(value["cell"])

    def likeness(self, one: Any, other: Any) -> float:
        """Return the share, from 0 to 1, of the layers and edges of either that are in both."""
        left, right = _parts(one), _parts(other)
        places = {**left, **right}
        return sum(left.get(place) == right.get(place) for place in places) / len(places)

    def describe(self, value: Any, spec: object, task: object) -> str:
        """Return the resolutions of the path, then one line per step, with operation(state)."""
        del spec, task
        lines = ["path " + " ".join(f"1/{4 << level}" for level in value["path"])]
        for step, rows in enumerate(_steps(value["cell"])):
            terms = (f"{operation}({edge - first_edge(step)})" for edge, operation in rows)
            lines.append(f"state {step + 2} {' + '.join(terms)}")
        return "\n".join(lines) + "\n"

    def draw(self, axes: Any, value: Any, spec: object, task: object) -> None:
        """Draw the path on axes of matplotlib, and describe the cell below it."""
        drawing.draw(axes, value["path"], self.describe(value, spec, task).splitlines()[1:])

    def sketch(self, value: Any) -> tuple[str, str] | None:
        """Return an SVG element with the path, and its legend."""
        return drawing.sketch(value["path"]), drawing.LEGEND

    def setting(self, value: Any, task: object) -> Any:
        """Return the value itself."""
        del task
        return value


def _check_path(path: Any) -> None:
    """Raise ValueError unless a value is a path."""
    if not isinstance(path, list) or not FEWEST_LAYERS <= len(path) <= MOST_LAYERS:
        raise ValueError(f"path: no list of {FEWEST_LAYERS} to {MOST_LAYERS} levels")
    before = 0
    for layer, level in enumerate(path, 1):
        if type(level) is not int or not 0 <= level < LEVELS:
            raise ValueError(
                f"path, layer {layer}: a level is a whole number from 0 to {LEVELS - 1}, "
                f"not {_short(level)}"
            )
        if abs(level - before) > 1:
            raise ValueError(
                f"path, layer {layer}: there is no step from level {before} to level {level}"
            )
        before = level


def _check_cell(cell: Any) -> None:
    """Raise ValueError unless a value is a cell."""
    if not isinstance(cell, list) or not cell or len(cell) % 2 or len(cell) > 2 * MOST_STEPS:
        raise ValueError(f"cell: no list of two rows for each of 1 to {MOST_STEPS} steps")
    for number, row in enumerate(cell, 1):
        if not isinstance(row, list) or len(row) != 2:
            raise ValueError(f"cell, row {number}: no [edge, operation]")
        step = (number - 1) // 2
        first, last = first_edge(step), first_edge(step) + len(sources(step)) - 1
        edge, operation = row
        if type(edge) is not int or not first <= edge <= last:
            raise ValueError(
                f"cell, row {number}: step {step + 1} has the edges {first} to {last}, "
                f"not {_short(edge)}"
            )
        if number % 2 == 0 and cell[number - 2][0] == edge:
            raise ValueError(f"cell, row {number}: edge {edge} is there twice")
        if operation not in OPERATIONS:
            raise ValueError(
                f"cell, row {number}: there is no operation {_short(operation)}; "
                f"there are {', '.join(OPERATIONS)}"
            )


def _steps(cell: list[list[Any]]) -> list[list[list[Any]]]:
    """Return the two rows of each step of a cell."""
    return [cell[start : start + 2] for start in range(0, len(cell), 2)]


def _parts(value: Any) -> dict[str, Any]:
    """Return the level of each layer and the operation of each edge, by their names."""
    layers = {f"layer {number}": level for number, level in enumerate(value["path"])}
    edges = {f"edge {edge}": operation for edge, operation in value["cell"]}
    return {**layers, **edges}


def _short(value: Any) -> str:
    """Return a value as JSON, cut to 40 characters."""
    text = msgspec.json.encode(value).decode()
    return text if len(text) <= 40 else f"{text[:37]}..."
