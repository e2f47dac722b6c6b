"""Genotypes: cells of DARTS's space, as values and as text of the papers' code. No torch.

A cell has two inputs, 0 and 1, and four nodes, 2 to 5. Each node sums up two operations, which read
two different inputs or earlier nodes. The output of the cell is the concatenation of its nodes.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kit.files import decode_given_json
from kit.spaces.names import CANDIDATES

INPUTS, NODES, EDGES_PER_NODE = 2, 4, 2
CELLS = ("normal", "reduce")

Edge = tuple[str, int]
"""The name of an operation, and the number of the input or node that it reads."""
# `Genotype(normal=[...], normal_concat=range(2, 6), ...)`, also as the value of a dictionary.
_CALL = re.compile(r"\bGenotype\s*\(")


@dataclass(frozen=True)
class Genotype:
    """An architecture of DARTS's space: two cells.

    Attributes:
        normal: (operation, source) of the two edges of each of the four nodes, in their order.
        reduce: the edges of the cells that halve the map; networks for dense tasks have no such
            cells.
    """

    normal: tuple[Edge, ...]
    reduce: tuple[Edge, ...]

    @classmethod
    def of(cls, value: Any) -> Genotype:
        """Return the genotype of a JSON value, or of a text as ``read`` accepts it.

        Raises:
            ValueError: it is not a genotype; the message names the place that is wrong.
        """
        value = read(value) if isinstance(value, str) else value
        check(value)
        return cls(*(tuple((name, source) for name, source in value[cell]) for cell in CELLS))

    def value(self) -> dict[str, list[list[Any]]]:
        """Return the JSON value: cell type -> list of [operation, source]."""
        return {cell: [[*edge] for edge in getattr(self, cell)] for cell in CELLS}

    def text(self) -> str:
        """Return it as the papers' code prints it: ``Genotype(normal=[...], ...)``."""
        parts = (f"{cell}={[*getattr(self, cell)]}, {cell}_concat=range(2, 6)" for cell in CELLS)
        return f"Genotype({', '.join(parts)})"


def node_of(edge: int) -> int:
    """Return the node, 2 to 5, that an edge of a genotype leads to."""
    return INPUTS + edge // EDGES_PER_NODE


def read(text: str) -> Any:
    """Return the value in a text: JSON, or ``Genotype(...)`` as the papers' code prints it.

    Comment signs and a name before ``Genotype(...)``, as in the code's files, are ignored. The
    edges are not checked; see ``check``.

    Raises:
        ValueError: there is no value in the text, or more than one.
    """
    calls = list(_CALL.finditer(text))
    if not calls:
        return decode_given_json(text)
    if len(calls) > 1:
        raise ValueError(f"it holds {len(calls)} genotypes; leave the one that is meant")
    # What a file has before and after the call, such as a key and a comma, is not read.
    try:
        return _of_call(_call(text[calls[0].start() :]))
    except (RecursionError, MemoryError):  # the parser ran out of one or the other
        raise ValueError("Genotype(...) is nested too deeply") from None


def _call(text: str) -> ast.Call:
    """Return the call at the beginning of a text, whatever follows it."""
    # If the call is in a comment, each further line begins with a comment sign.
    lines = text[: _end(text)].splitlines()
    source = "\n".join(line.lstrip().removeprefix("#") for line in lines)
    try:
        expression = ast.parse(source, mode="eval").body
    except (SyntaxError, ValueError) as error:
        raise ValueError(f"Genotype(...) cannot be read: {error.args[0]}") from None
    if not isinstance(expression, ast.Call) or expression.args:
        raise ValueError("Genotype(...): each part needs its name, normal=... and reduce=...")
    return expression


def _end(text: str) -> int:
    """Return the position after the bracket that closes the first one of a text."""
    depth = 0
    for place, sign in enumerate(text, 1):
        depth += (sign in "([") - (sign in ")]")
        if sign == ")" and depth == 0:
            return place
    raise ValueError("Genotype(: its closing bracket is missing")


def _of_call(call: ast.Call) -> dict[str, Any]:
    """Return cell type -> edges of a parsed ``Genotype(...)``."""
    value: dict[str, Any] = {}
    for keyword in call.keywords:
        name = keyword.arg or "**"
        if name.endswith("_concat"):
            _check_concat(name, keyword.value)
        elif name not in CELLS:
            raise ValueError(f"Genotype(...): there is no part {name!r}")
        elif name in value:
            raise ValueError(f"Genotype(...): {name} is there twice")
        else:
            try:
                edges = ast.literal_eval(keyword.value)
            except (ValueError, TypeError):
                raise ValueError(f"{name}: no list of (operation, source)") from None
            value[name] = _lists(edges)
    return value


def _lists(value: Any) -> Any:
    """Return a value with lists in place of tuples, as JSON has it."""
    return [_lists(each) for each in value] if isinstance(value, list | tuple) else value


def _check_concat(name: str, value: ast.expr) -> None:
    """Raise ValueError unless the nodes that make up a cell's output are all nodes."""
    written = ast.unparse(value)
    nodes = [*range(INPUTS, INPUTS + NODES)]
    if written not in (f"range({nodes[0]}, {nodes[-1] + 1})", str(nodes), str(tuple(nodes))):
        raise ValueError(f"{name}: the output of a cell is range(2, 6), all its nodes: {written}")


def check(value: Any, dims: int | None = None) -> None:
    """Check that a value is ``{"normal": [[operation, source], ...], "reduce": [...]}``.

    It may also have ``dims``, the number of spatial dimensions of the data of its search.

    Args:
        value: any JSON.
        dims: spatial dimensions of the data of the network, if known, to be compared.

    Raises:
        ValueError: it has another form, or other ``dims``; the message names cell, node and edge.
    """
    if not isinstance(value, Mapping):
        raise ValueError('no {"normal": [[operation, source], ...], "reduce": [...]}')
    search_dims = value.get("dims")
    if search_dims not in (None, 1, 2) or isinstance(search_dims, bool):
        raise ValueError(f"dims: 1 or 2, not {_short(search_dims)}")
    if search_dims is not None and dims is not None and search_dims != dims:
        raise ValueError(
            f"it is a genotype of {search_dims}D networks, and these samples are {dims}D"
        )
    if odd := [name for name in value if name not in (*CELLS, "dims")]:
        raise ValueError(f"there is no cell {_short(odd[0])}; there are {' and '.join(CELLS)}")
    for cell in CELLS:
        if cell not in value:
            raise ValueError(f"the cell {cell!r} is missing")
        _check_cell(cell, value[cell])


def _check_cell(cell: str, edges: Any) -> None:
    """Raise ValueError unless the edges of a cell type are valid."""
    if not isinstance(edges, list | tuple):
        raise ValueError(f"{cell}: no list of [operation, source]")
    if len(edges) != NODES * EDGES_PER_NODE:
        raise ValueError(
            f"{cell}: {NODES} nodes of {EDGES_PER_NODE} edges are {NODES * EDGES_PER_NODE} edges, "
            f"and there are {len(edges)}"
        )
    sources: list[int] = []
    for number, edge in enumerate(edges):
        node = node_of(number)
        place = f"{cell}, node {node}, edge {number % EDGES_PER_NODE + 1}"
        if not isinstance(edge, list | tuple) or len(edge) != 2:
            raise ValueError(f"{place}: no [operation, source]: {_short(edge)}")
        name, source = edge
        if name not in CANDIDATES:
            raise ValueError(
                f"{place}: there is no operation {_short(name)}; there are {', '.join(CANDIDATES)}"
            )
        if type(source) is not int or not 0 <= source < node:
            raise ValueError(
                f"{place}: it reads one of 0 to {node - 1}, inputs and earlier nodes, "
                f"not {_short(source)}"
            )
        if number % EDGES_PER_NODE and source == sources[-1]:
            raise ValueError(f"{place}: both edges of the node read {source}")
        sources.append(source)


def likeness(one: Genotype, other: Genotype, cells: Sequence[str] = CELLS) -> float:
    """Return the share, from 0 to 1, of the edges of either that are in both.

    Edges are the same if cell type, node, source and operation are.

    Args:
        one: a genotype.
        other: another genotype.
        cells: the cell types to compare.
    """
    left, right = (
        {
            (cell, node_of(number), edge)
            for cell in cells
            for number, edge in enumerate(getattr(genotype, cell))
        }
        for genotype in (one, other)
    )
    return len(left & right) / len(left | right) if left | right else 1.0


def _short(value: Any) -> str:
    """Return a value as text, cut to 40 characters."""
    text = repr(value)
    return text if len(text) <= 40 else f"{text[:37]}..."
