"""Genotypes as the architectures in the kit's results, files and pages. No torch."""

from __future__ import annotations

from typing import Any

from kit.spaces.darts import drawing
from kit.spaces.darts.genotype import (
    CELLS,
    EDGES_PER_NODE,
    Genotype,
    check,
    likeness,
    node_of,
    read,
)


class DartsCells:
    """The kind of architecture of DARTS's space: see ``kit.architecture.ArchitectureKind``.

    A value is ``{"dims": 2, "normal": [[operation, source], ...], "reduce": [...]}``.
    """

    name, version = "genotype", 1

    def read(self, text: str) -> Any:
        """Return the value in a text: JSON, or ``Genotype(...)`` as the papers' code prints it.

        Raises:
            ValueError: the text is neither.
        """
        return read(text)

    def check(self, value: Any) -> None:
        """Check that a value, which may be any JSON, is a genotype.

        Raises:
            ValueError: it is not; the message names the cell, the node and the edge.
        """
        check(value)

    def likeness(self, one: Any, other: Any) -> float:
        """Return the share, from 0 to 1, of the edges of either that are in both."""
        return likeness(Genotype.of(one), Genotype.of(other))

    def describe(self, value: Any, spec: Any, task: Any) -> str:
        """Return one line per node with the operations that it sums up, as operation(source).

        Networks for dense tasks have normal cells only.
        """
        del spec
        lines = []
        for cell in cells_of(task):
            lines.append(f"{cell} cell")
            for first in range(0, len(value[cell]), EDGES_PER_NODE):
                terms = (
                    f"{name}({source})"
                    for name, source in value[cell][first : first + EDGES_PER_NODE]
                )
                lines.append(f"  {node_of(first)} = {' + '.join(terms)}")
        return "\n".join(lines) + "\n"

    def draw(self, axes: Any, value: Any, spec: Any, task: Any) -> None:
        """Draw the cells as graphs on axes of matplotlib."""
        del spec
        drawing.draw(axes, {cell: value[cell] for cell in cells_of(task)})

    def sketch(self, value: Any) -> tuple[str, str] | None:
        """Return an SVG element with the cells as graphs, and its legend."""
        return drawing.svg({cell: value[cell] for cell in CELLS}), drawing.LEGEND

    def setting(self, value: Any, task: Any) -> Any:
        """Return the value with the dimensions of the task, which a file may leave out."""
        dims = value.get("dims") or task.dims
        return {"dims": dims, **{cell: value[cell] for cell in CELLS}}


def cells_of(task: Any) -> tuple[str, ...]:
    """Return the cell types that networks of a task have."""
    return CELLS[:1] if task.dense else CELLS
