"""The steps of TE-NAS's search: rounds that prune operations, then groups that prune edges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kit.methods.te_nas.info import TeNasSearch
from kit.methods.te_nas.ranking import Choice, pruned, ranking
from kit.spaces.darts.genotype import EDGES_PER_NODE
from kit.spaces.darts.prunable import GROUPS, Remaining, without

Changes = Mapping[Choice, float]


@dataclass(frozen=True)
class Step:
    """A step of the search: which choices are compared, and how many of them are removed.

    Attributes:
        prune: operations to remove from each edge; None to remove edges of a node.
        cell: of that node.
        edges: (start, stop) of the edges that lead to it.
    """

    prune: int | None
    cell: int = 0
    edges: tuple[int, int] = (0, 0)

    def choices(self, remaining: Remaining) -> list[Choice]:
        """Return the choices that may be removed, in order."""
        return [
            (cell, edge, operation)
            for cell, edges in enumerate(remaining)
            for edge, operations in enumerate(edges)
            if self._compares(cell, edge, len(operations))
            for operation in operations
        ]

    def _compares(self, cell: int, edge: int, operations: int) -> bool:
        if self.prune is not None:
            return operations > 1
        return cell == self.cell and self.edges[0] <= edge < self.edges[1]

    def pruned(self, kernel: Changes, regions: Changes, digits: int) -> list[Choice]:
        """Return the choices to remove, by the changes of both scores."""
        ranked = [*ranking(kernel, regions, digits)]
        return ranked[:-EDGES_PER_NODE] if self.prune is None else pruned(ranked, self.prune)


def steps(options: TeNasSearch) -> list[Step]:
    """Return the steps after which each edge has one operation, and each node two edges."""
    planned, left = [], len(set(options.operations))
    while left > 1:
        planned.append(Step(min(options.prune, left - 1)))
        left -= min(options.prune, left - 1)
    nodes = [edges for edges in GROUPS if edges[1] - edges[0] > EDGES_PER_NODE]
    return planned + [Step(None, cell, edges) for cell in range(2) for edges in nodes]


class Progress:
    """The state of the pruning, for checkpoints.

    Args:
        remaining: the operations before the first step.
    """

    def __init__(self, remaining: Remaining) -> None:
        self.remaining = remaining

    def prune(self, choices: Iterable[Choice]) -> None:
        """Remove choices."""
        self.remaining = without(self.remaining, *choices)

    def state_dict(self) -> dict[str, Any]:
        """Return the remaining operations as lists."""
        return {"remaining": [[[*edge] for edge in cell] for cell in self.remaining]}

    def load_state_dict(self, state: dict[str, Any], /) -> None:
        """Restore what ``state_dict`` returned."""
        self.remaining = tuple(tuple(tuple(edge) for edge in cell) for cell in state["remaining"])
