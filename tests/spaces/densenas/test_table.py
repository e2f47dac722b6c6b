"""Supernets as data: their graphs, how many networks they hold, and tables that are none."""

from __future__ import annotations

import math
import re
from typing import Any

import msgspec
import pytest

from kit.spaces.densenas.table import SupernetTable, supernet_table
from tests.spaces.densenas.originals import VALUES

TASKS = {
    *("cifar-100", "spherical", "ninapro", "fsd50k", "darcy-flow", "psicov"),
    *("cosmic", "ecg", "satellite", "deepsea"),
}
RANDOM = {"cifar-100", "spherical", "fsd50k", "ecg", "satellite", "deepsea"}
SMALL = SupernetTable(((4,), (4, 6), (8,)), (8, 4, 4), (0, 1, 2))


@pytest.mark.parametrize("name", VALUES["supernets"])
def test_graphs_are_those_of_the_originals(name: str) -> None:
    value, graph = VALUES["supernets"][name], supernet_table(name).graph
    nodes, blocks = range(graph.tail), range(1, graph.tail + 1)
    assert list(graph.channels) == value["channels"]
    # The number in the tail's place, and one more, are read by nobody.
    assert list(graph.layers[:-1]) == value["layers"][:-2]
    assert [[edge.target for edge in graph.leaving(n)] for n in nodes] == value["targets"]
    assert [[edge.stride for edge in graph.leaving(n)] for n in nodes] == value["strides"]
    assert [[edge.source for edge in graph.entering(n)] for n in blocks] == value["sources"]


@pytest.mark.parametrize("name", sorted(TASKS | {f"{task}-random" for task in RANDOM}))
def test_there_is_one_for_every_task(name: str) -> None:
    supernet_table(name).graph.check()


def test_networks_are_counted_as_if_written_down() -> None:
    graph = SMALL.graph
    paths = list(graph.paths())
    assert paths == [(0, 1, 2, 3, 4), (0, 1, 3, 4), (0, 2, 3, 4)]
    assert graph.architectures() == sum(
        math.prod(graph.layers[node] + 1 for node in path) for path in paths
    )


@pytest.mark.parametrize(
    ("name", "paths", "networks"),
    [
        ("cifar-100", 5145, 68_381_832_960),
        ("darcy-flow", 49, 8_892),
        ("cifar-100-random", 5145, 111_573),
        ("ecg-random", 49, 1_638),
    ],
)
def test_how_many_networks_there_are(name: str, paths: int, networks: int) -> None:
    """As docs/spaces.md has it."""
    graph = supernet_table(name).graph
    assert (sum(1 for _ in graph.paths()), graph.architectures()) == (paths, networks)


@pytest.mark.parametrize(
    ("changed", "said"),
    [
        ({"sizes": [8, 2, 2]}, "nobody can reach block 1 (4 channels)"),
        ({"sizes": [8, 4, 1]}, "nobody can reach block 3 (8 channels)"),
        ({"sizes": [8, 4, 8]}, "nobody can reach block 3 (8 channels)"),
        ({"sizes": [8, 4]}, "sizes has 2 values for 3 stages"),
        ({"stack": [0, 1]}, "stack has 2 values for 3 stages"),
        ({"stack": [0, [1, 1, 1], 0]}, "stack of stage 1 has 3 values for 2 blocks"),
        ({"stack": [1, 1, 1]}, "the input block has no stack"),
        ({"channels": [[4, 5], [6], [7]]}, "channels begins with the one width"),
        ({"channels": [[4]], "sizes": [1], "stack": [0]}, "channels begins with the one width"),
        ({"channels": [[4], [], [7]]}, "length >= 1"),
        ({"channels": [[4], [0], [7]]}, ">= 1"),
        ({"channels": [[4], [6], [7]], "sizes": [8, 4, 3]}, "nobody can reach block 2 (7 "),
        ({"depth": 3}, "unknown field `depth`"),
    ],
)
def test_tables_that_are_none(changed: dict[str, Any], said: str) -> None:
    table = {"channels": [[4], [4, 6], [8]], "sizes": [8, 4, 4], "stack": [0, 1, 2]}
    assert msgspec.convert(table, SupernetTable) == SMALL
    with pytest.raises(ValueError, match=re.escape(said)) as caught:
        msgspec.convert(table | changed, SupernetTable)
    assert "\n" not in str(caught.value)


def test_unknown_names_are_told_near_ones() -> None:
    with pytest.raises(ValueError, match="no supernet 'psicow'; did you mean 'psicov'"):
        supernet_table("psicow")
    with pytest.raises(ValueError, match="no supernet None"):
        supernet_table(None)  # type: ignore[arg-type]
