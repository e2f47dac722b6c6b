"""Cells of NAS-Bench-201 (Dong and Yang, ICLR 2020): strings, numbers, isomorphism. No torch.

A cell has four nodes, of which 0 is the input and 3 the output. An edge with one of five operations
leads from every node to every later one; a node is the sum of its incoming edges.
"""

from __future__ import annotations

import random
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from itertools import product
from numbers import Integral
from typing import Any

OPERATIONS = ("none", "skip_connect", "nor_conv_1x1", "nor_conv_3x3", "avg_pool_3x3")
"""The order is that of the paper's code."""
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""(source, node) of each edge, in the order of a cell's string."""
NODES = 4
_FORM = "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|"
FORM = "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|"
COUNT = len(OPERATIONS) ** len(EDGES)
CLASSES = 6466
"""Number of classes of isomorphic cells, by ``Cell.canonical``."""
# The seed of the published order, which is random.
_SEED = 88
_STEP = re.compile(r"(\w+)~(\d+)")


@dataclass(frozen=True)
class Cell:
    """One of the 15,625 cells.

    Attributes:
        operations: one of ``OPERATIONS`` for each of ``EDGES``.
    """

    operations: tuple[str, ...]

    def __post_init__(self) -> None:
        if len(self.operations) != len(EDGES):
            raise ValueError(f"a cell has {len(EDGES)} edges, not {len(self.operations)}")
        for (source, node), name in zip(EDGES, self.operations, strict=True):
            _check(name, node, source)

    @classmethod
    def of(cls, value: Any) -> Cell:
        """Return the cell of a string, a number or a genotype.

        Args:
            value: a string, see ``parse``; a number in the published order; a genotype, which is,
                for each of the nodes 1 to 3, a list of (operation, source); or a cell.

        Raises:
            ValueError: it is none of these; the message names the place that is wrong.
        """
        if isinstance(value, Cell):
            return value
        if isinstance(value, str):
            return cls.parse(value)
        if isinstance(value, Integral) and not isinstance(value, bool):
            return cls(_cells()[_number(int(value))])
        return cls(_operations(value))

    @classmethod
    def parse(cls, text: str) -> Cell:
        """Return the cell of a string ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``.

        Raises:
            ValueError: it is not the string of a cell; the message names the node.
        """
        if not isinstance(text, str):
            raise ValueError(f"the string of a cell is text, not {type(text).__name__}")
        nodes = text.strip().split("+")
        return cls(_operations([_steps(node, number) for number, node in enumerate(nodes, 1)]))

    @property
    def string(self) -> str:
        """The string ``|op~0|+|op~0|op~1|+|op~0|op~1|op~2|``, as in the published archives."""
        return _FORM.format(*self.operations)

    @property
    def index(self) -> int:
        """The number in the published order, from 0."""
        return index(self.string)

    @property
    def connected(self) -> bool:
        """Whether a path without ``none`` leads from the input to the output."""
        reached = {0}
        for (source, node), name in zip(EDGES, self.operations, strict=True):
            if name != "none" and source in reached:
                reached.add(node)
        return NODES - 1 in reached

    def canonical(self, *, skips: bool = True, zeros: bool = True) -> str:
        """Return an expression of the output, which is the same for all cells of a class.

        The terms of each sum are sorted.

        Args:
            skips: whether a skip connection is replaced by the node that it reads.
            zeros: whether ``none``, and an operation on a node that is ``#``, are written ``#``.
        """
        return _canonical(self.operations, skips, zeros)

    def changed(self, edge: int, name: str) -> Cell:
        """Return the cell with another operation on one of ``EDGES``."""
        return Cell((*self.operations[:edge], name, *self.operations[edge + 1 :]))

    def neighbours(self) -> list[Cell]:
        """Return the 24 cells that differ from it on one edge."""
        return [
            self.changed(edge, name)
            for edge, current in enumerate(self.operations)
            for name in OPERATIONS
            if name != current
        ]


@cache
def _cells() -> tuple[tuple[str, ...], ...]:
    """Return the operations of all cells, in the published order."""
    cells = [*product(OPERATIONS, repeat=len(EDGES))]
    random.Random(_SEED).shuffle(cells)
    return tuple(cells)


@cache
def strings() -> tuple[str, ...]:
    """Return the strings of all cells, in the published order."""
    return tuple(_FORM.format(*each) for each in _cells())


@cache
def _indices() -> dict[str, int]:
    """Return string -> number of all cells."""
    return {each: number for number, each in enumerate(strings())}


@cache
def classes() -> tuple[int, ...]:
    """Return for every cell, in the published order, the number of the first isomorphic one."""
    first: dict[str, int] = {}
    forms = (_canonical(each, skips=True, zeros=True) for each in _cells())
    return tuple(first.setdefault(form, number) for number, form in enumerate(forms))


def _canonical(operations: Sequence[str], skips: bool, zeros: bool) -> str:
    """Return ``Cell.canonical`` of the cell with these operations."""
    nodes, terms = ["0"], []
    for (source, node), name in zip(EDGES, operations, strict=True):
        origin = nodes[source]
        if zeros and (name == "none" or origin == "#"):
            terms.append("#")
        elif skips and name == "skip_connect":
            terms.append(origin)
        else:
            terms.append(f"({origin})@{name}")
        if source == node - 1:  # its last edge
            nodes.append("+".join(sorted(terms)))
            terms = []
    return nodes[-1]


def string(number: int) -> str:
    """Return the string of a cell, given its number in the published order.

    Raises:
        ValueError: the number is out of range.
    """
    return strings()[_number(number)]


def index(text: str) -> int:
    """Return the number of a cell in the published order, given its string.

    Raises:
        ValueError: it is not the string of a cell; the message names the node.
    """
    number = _indices().get(text)
    return _indices()[Cell.parse(text).string] if number is None else number


def _number(value: int) -> int:
    """Return a number of a cell, or raise ValueError if it is out of range."""
    if not 0 <= value < COUNT:
        raise ValueError(f"cells are numbered from 0 to {COUNT - 1}, not {value}")
    return value


def _steps(text: str, node: int) -> list[tuple[str, int]]:
    """Return (operation, source) of each edge of a node, given as ``|op~0|...|``."""
    steps = text.strip().split("|")
    matches = [_STEP.fullmatch(each.strip()) for each in steps[1:-1]]
    if len(steps) < 3 or steps[0] or steps[-1] or None in matches:
        raise ValueError(f"node {node} is no |op~0|...|: {text[:40]!r}; a cell is {FORM}")
    return [(each[1], int(each[2])) for each in matches if each is not None]


def _operations(nodes: Any) -> tuple[str, ...]:
    """Return the operations of a genotype, or raise ValueError if it is invalid."""
    if not isinstance(nodes, Sequence):
        raise ValueError(f"a cell is {FORM}, a number, or [[[op, 0]], ...], not {nodes!r:.40}")
    if len(nodes) != NODES - 1:
        raise ValueError(
            f"a cell has {NODES - 1} nodes besides its input, not {len(nodes)}: {FORM}"
        )
    operations = []
    for node, steps in enumerate(nodes, 1):
        if not isinstance(steps, Sequence) or len(steps) != node:
            raise ValueError(f"node {node} has {node} edges, from nodes 0 to {node - 1}: {FORM}")
        for source, step in enumerate(steps):
            if not isinstance(step, Sequence) or isinstance(step, str) or len(step) != 2:
                raise ValueError(f"node {node}: no (operation, node): {step!r:.40}")
            if type(step[1]) is not int or step[1] != source:
                raise ValueError(
                    f"node {node}: edge {source + 1} reads {source}, not {step[1]!r:.40}"
                )
            _check(step[0], node, source)
            operations.append(step[0])
    return tuple(operations)


def _check(name: object, node: int, source: int) -> None:
    """Raise ValueError unless a name is one of ``OPERATIONS``."""
    if name not in OPERATIONS:
        raise ValueError(
            f"node {node}, edge from {source}: there is no operation {name!r:.40}; there are "
            f"{', '.join(OPERATIONS)}"
        )
