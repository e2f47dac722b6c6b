"""Cells of NAS-Bench-201 (Dong and Yang, ICLR 2020): strings, numbers, isomorphism. No torch.

A cell has four nodes: 0 is its input, 3 its output. Every earlier node is joined to every later one
by an edge with one of five operations; a node adds up what its edges bring.
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
"""In the order of the original."""
EDGES = ((0, 1), (0, 2), (1, 2), (0, 3), (1, 3), (2, 3))
"""(from, to) of each edge, in the order of a cell's string."""
NODES = 4
_FORM = "|{}~0|+|{}~0|{}~1|+|{}~0|{}~1|{}~2|"
FORM = "|op~0|+|op~0|op~1|+|op~0|op~1|op~2|"
COUNT = len(OPERATIONS) ** len(EDGES)
CLASSES = 6466
"""Of isomorphic cells, by ``Cell.canonical``."""
# What the published order was shuffled with.
_SEED = 88
_STEP = re.compile(r"(\w+)~(\d+)")


@dataclass(frozen=True)
class Cell:
    """A cell.

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
        """Return the cell that a string, a number of the published order or a genotype stands for.

        Args:
            value: also a cell, or the nodes 1 to 3 as the original has a genotype, each a list of
                (operation, node that it reads).

        Raises:
            ValueError: it stands for none; one line with the place.
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
            ValueError: it is none; one line with the node.
        """
        nodes = text.strip().split("+")
        return cls(_operations([_steps(node, number) for number, node in enumerate(nodes, 1)]))

    @property
    def string(self) -> str:
        """As the original writes it."""
        return _FORM.format(*self.operations)

    @property
    def index(self) -> int:
        """Its number in the published order, from 0."""
        return index(self.string)

    @property
    def connected(self) -> bool:
        """Whether any path without ``none`` leads from the input to the output."""
        reached = {0}
        for (source, node), name in zip(EDGES, self.operations, strict=True):
            if name != "none" and source in reached:
                reached.add(node)
        return NODES - 1 in reached

    def canonical(self, *, skips: bool = True, zeros: bool = True) -> str:
        """Return what cells of one class have in common: the sorted sums that nodes stand for.

        Args:
            skips: a skip connection stands for what it reads.
            zeros: ``none``, and whatever reads nothing else, stands for ``#``.
        """
        return _canonical(self.operations, skips, zeros)

    def changed(self, edge: int, name: str) -> Cell:
        """Return the cell with another operation on one of ``EDGES``."""
        return Cell((*self.operations[:edge], name, *self.operations[edge + 1 :]))

    def neighbours(self) -> list[Cell]:
        """Return the 24 cells that differ from it on one edge."""
        return [
            self.changed(edge, name)
            for edge, own in enumerate(self.operations)
            for name in OPERATIONS
            if name != own
        ]


@cache
def _cells() -> tuple[tuple[str, ...], ...]:
    cells = [*product(OPERATIONS, repeat=len(EDGES))]
    random.Random(_SEED).shuffle(cells)
    return tuple(cells)


@cache
def strings() -> tuple[str, ...]:
    """Return the strings of all cells, in the published order."""
    return tuple(_FORM.format(*each) for each in _cells())


@cache
def _indices() -> dict[str, int]:
    return {each: number for number, each in enumerate(strings())}


@cache
def classes() -> tuple[int, ...]:
    """Return for every cell, in the published order, the first one that is isomorphic to it."""
    first: dict[str, int] = {}
    forms = (_canonical(each, skips=True, zeros=True) for each in _cells())
    return tuple(first.setdefault(form, number) for number, form in enumerate(forms))


def _canonical(operations: Sequence[str], skips: bool, zeros: bool) -> str:
    nodes, terms = ["0"], []
    for (source, node), name in zip(EDGES, operations, strict=True):
        read = nodes[source]
        if zeros and (name == "none" or read == "#"):
            terms.append("#")
        elif skips and name == "skip_connect":
            terms.append(read)
        else:
            terms.append(f"({read})@{name}")
        if source == node - 1:  # its last edge
            nodes.append("+".join(sorted(terms)))
            terms = []
    return nodes[-1]


def string(number: int) -> str:
    """Return the string of a cell by its number.

    Raises:
        ValueError: there is no such number.
    """
    return strings()[_number(number)]


def index(text: str) -> int:
    """Return the number of a cell by its string.

    Raises:
        ValueError: the string is no cell; one line with the node.
    """
    found = _indices().get(text)
    return _indices()[Cell.parse(text).string] if found is None else found


def _number(value: int) -> int:
    if not 0 <= value < COUNT:
        raise ValueError(f"cells are numbered from 0 to {COUNT - 1}, not {value}")
    return value


def _steps(text: str, node: int) -> list[tuple[str, int]]:
    steps = text.strip().split("|")
    found = [_STEP.fullmatch(each.strip()) for each in steps[1:-1]]
    if len(steps) < 3 or steps[0] or steps[-1] or None in found:
        raise ValueError(f"node {node} is no |op~0|...|: {text[:40]!r}; a cell is {FORM}")
    return [(each[1], int(each[2])) for each in found if each is not None]


def _operations(nodes: Any) -> tuple[str, ...]:
    """Return the operations of a genotype's nodes, checked."""
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
    if name not in OPERATIONS:
        raise ValueError(
            f"node {node}, edge from {source}: there is no operation {name!r:.40}; there are "
            f"{', '.join(OPERATIONS)}"
        )
