"""Architectures as data: the forms that are read, what is refused and where, drawings."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.figure import Figure

from kit import paths
from kit.architecture import load
from kit.errors import KitError
from kit.spaces.auto_deeplab.kind import Trellis
from kit.spaces.auto_deeplab.layout import built
from kit.spaces.names import OPERATIONS

KIND = Trellis()
PATH = [1, 1, 2, 1]
ROWS = [[1, 5], [0, 0], [2, 3], [4, 7]]
CELL = [[edge, OPERATIONS[operation]] for edge, operation in ROWS]
VALUE = {"path": PATH, "cell": CELL}


def indicator(path: list[int]) -> list[Any]:
    table = np.zeros((len(path), 4, 3), dtype=int)
    for layer, (before, level) in enumerate(zip([path[0] - 1, *path], path, strict=False)):
        table[layer, level, before - level + 1] = 1
    return table.tolist()


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(VALUE),
        json.dumps({"network_path": PATH, "genotype": ROWS}),
        json.dumps({"network_path_space": indicator(PATH), "genotype": ROWS}),
        f"architecture search results: {np.array(PATH, 'uint8')}\n"
        f"new cell structure: {np.array(ROWS)}\n",
        f"architecture search results: {np.array(PATH, float)}\n"
        f"new cell structure:\n{np.array(ROWS)}\nsaved to : here: there",
        f"architecture search results: {np.array(indicator(PATH), float)} "
        f"new cell structure: {np.array(ROWS)}",
    ],
    ids=["own", "by-name", "ones", "printed", "printed-floats", "printed-ones"],
)
def test_forms_that_are_read(text: str) -> None:
    value = KIND.read(text)
    assert value == VALUE
    KIND.check(value)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("a network", "neither JSON nor"),
        ("[1, 2]", "no table with 'path' and 'cell'"),
        ('{"path": [0], "alpha": 1}', "'alpha' is no part of a trellis"),
        ('{"path": [0], "network_path": [0]}', "the path is there twice"),
        ("new cell structure: [[0 x]]", "'new cell structure' is no array of numbers"),
        (json.dumps({"path": [[[1, 0, 0]]]}), "path, layer 1: not 4 rows of 3 with a single 1"),
        (
            json.dumps({"path": indicator([0, 1]) + indicator([0])}),
            "path, layer 3: level 0 is reached from level -1 by its column, but the layer before "
            "is on level 1",
        ),
    ],
)
def test_texts_that_are_refused(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said.replace("[", r"\[")) as error:
        KIND.read(text)
    assert "\n" not in str(error.value)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"cell": None}, "no table with 'path' and 'cell' alone"),
        ({"path": [0, 0]}, "path: no list of 3 to 100 levels"),
        ({"path": [0, 0, 4]}, "path, layer 3: a level is a whole number from 0 to 3, not 4"),
        ({"path": [0, True, 1]}, "path, layer 2: a level is a whole number from 0 to 3, not true"),
        ({"path": [2, 1, 1]}, "path, layer 1: there is no step from level 0 to level 2"),
        ({"path": [1, 1, 3]}, "path, layer 3: there is no step from level 1 to level 3"),
        ({"cell": CELL[:3]}, "cell: no list of two rows for each of 1 to 20 steps"),
        ({"cell": [*CELL[:3], "x"]}, "cell, row 4: no [edge, operation]"),
        ({"cell": [*CELL[:3], [5, "none"]]}, "cell, row 4: step 2 has the edges 2 to 4, not 5"),
        ({"cell": [*CELL[:3], CELL[2]]}, "cell, row 4: edge 2 is there twice"),
        ({"cell": [*CELL[:3], [3, "conv"]]}, 'cell, row 4: there is no operation "conv"'),
        ({"cell": [*CELL[:3], [3, ["none"]]]}, 'cell, row 4: there is no operation ["none"]'),
    ],
)
def test_values_that_are_refused(change: dict[str, Any], said: str) -> None:
    value = {name: part for name, part in {**VALUE, **change}.items() if part is not None}
    with pytest.raises(ValueError, match=r"cell|path") as error:
        KIND.check(value)
    assert str(error.value).startswith(said)


def test_a_file_that_is_wrong_is_named(tmp_path: Path) -> None:
    file = tmp_path / "net.json"
    file.write_text(json.dumps({"path": [0, 2, 2], "cell": ROWS}))
    with pytest.raises(KitError, match=r"net\.json: path, layer 2: there is no step"):
        load(file, KIND)


def test_likeness_counts_layers_and_edges() -> None:
    other = {"path": [1, 1, 1, 1], "cell": [CELL[1], CELL[0], CELL[2], [3, "none"]]}
    assert KIND.likeness(VALUE, VALUE) == 1
    assert KIND.likeness(VALUE, other) == pytest.approx(6 / 9)
    shorter = {"path": PATH[:3], "cell": CELL}
    assert KIND.likeness(VALUE, shorter) == pytest.approx(7 / 8)


def test_it_is_described_and_drawn() -> None:
    text = KIND.describe(VALUE, None, None)
    assert text == (
        "path 1/8 1/8 1/16 1/8\n"
        "state 2 sep_conv_5x5(1) + none(0)\n"
        "state 3 skip_connect(0) + dil_conv_5x5(2)\n"
    )
    axes = Figure().add_subplot()
    KIND.draw(axes, VALUE, None, None)
    taken = max(axes.lines, key=lambda line: line.get_zorder())
    assert list(np.asarray(taken.get_ydata())) == [0, *PATH]
    sketched = KIND.sketch(VALUE)
    assert sketched is not None
    assert sketched[0].count("<svg") == 1
    assert "1/8, 1/8, 1/16, 1/8" in sketched[0]


def test_operations_change_places_in_ascending_order() -> None:
    cell = [(1, "sep_conv_5x5"), (0, "none"), (2, "skip_connect"), (4, "max_pool_3x3")]
    rest = {2: "skip_connect", 4: "max_pool_3x3"}
    assert built(cell, "rows") == {0: "none", 1: "sep_conv_5x5", **rest}
    assert built(cell, "ascending") == {0: "sep_conv_5x5", 1: "none", **rest}


def test_the_stored_networks_are_read() -> None:
    folder = paths.project() / "kit/methods/auto_deeplab/architectures"
    files = sorted(folder.glob("*/*.json"))
    assert len(files) == 5
    for file in files:
        assert len(load(file, KIND)["path"]) == 12
