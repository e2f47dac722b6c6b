"""Cells: strings, published order, classes; what is no cell is refused in one line."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from kit.spaces.nas_bench_201 import Cell, Cell201
from kit.spaces.nas_bench_201.cell import CLASSES, COUNT, classes, index, string, strings

VALUES = json.loads((Path(__file__).parent / "cells.json").read_text(encoding="utf-8"))
ROWS = VALUES["rows"]
TEXT = ROWS[0]["string"]


@pytest.mark.parametrize("row", ROWS, ids=lambda row: str(row["index"]))
def test_cells_are_those_of_the_original(row: dict[str, Any]) -> None:
    cell = Cell.parse(row["string"])
    assert (cell.string, cell.index) == (row["string"], row["index"])
    assert string(row["index"]) == row["string"]
    forms = [cell.canonical(skips=False, zeros=False), cell.canonical(zeros=False)]
    assert [*forms, cell.canonical()] == row["canonical"]
    assert cell.connected == row["connected"]


def test_the_space_has_its_published_order_and_size() -> None:
    digest = hashlib.sha256("\n".join(strings()).encode()).hexdigest()
    assert digest == VALUES["order_sha256"]
    assert (len(strings()), len(set(strings()))) == (COUNT, COUNT) == (15625, 15625)
    assert sum(Cell.parse(each).connected for each in strings()) == 15284


def test_classes_point_to_the_first_cell_of_each() -> None:
    first = classes()
    assert len(set(first)) == CLASSES == 6466
    assert all(first[each] == each <= number for number, each in enumerate(first))
    for row in ROWS:
        one = Cell.of(first[row["index"]])
        assert one.canonical() == row["canonical"][-1]


@pytest.mark.parametrize(
    "value",
    [
        0,
        np.int64(0),
        TEXT,
        f" {TEXT}\n",
        TEXT.replace("+", " + "),
        Cell.parse(TEXT),
        [
            [["avg_pool_3x3", 0]],
            [["nor_conv_1x1", 0], ["skip_connect", 1]],
            [["nor_conv_1x1", 0], ["skip_connect", 1], ["skip_connect", 2]],
        ],
    ],
)
def test_a_cell_is_told_by_number_string_or_genotype(value: Any) -> None:
    assert Cell.of(value) == Cell.parse(TEXT)


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (COUNT, "numbered from 0 to 15624, not 15625"),
        (-1, "numbered from 0 to 15624, not -1"),
        (True, "a cell is"),
        (None, "a cell is"),
        ("", "node 1 is no"),
        ("|none~0|", "3 nodes besides its input, not 1"),
        ("|none~0|+|none~0|none~1|", "not 2"),
        (TEXT + "+|none~0|none~1|none~2|none~3|", "not 4"),
        (TEXT.replace("avg_pool_3x3", "max_pool_3x3"), "node 1, edge from 0: .*'max_pool_3x3'"),
        (TEXT.replace("~1|+", "~0|+"), "node 2: edge 2 reads 1, not 0"),
        (TEXT.replace("|skip_connect~2|", "|"), "node 3 has 3 edges"),
        (TEXT.removesuffix("|"), "node 3 is no"),
        (TEXT.replace("~0|+", "|+"), "node 1 is no"),
        ([[["none", 0]], [], []], "node 2 has 2 edges"),
        ([[["none"]], [], []], "node 1: no"),
        ([[[["none"], 0]], [], []], "node 1, edge from 0"),
    ],
)
def test_what_is_no_cell_is_refused_in_one_line(value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        Cell.of(value)
    assert "\n" not in str(caught.value)
    if isinstance(value, str):
        with pytest.raises(ValueError, match=said):
            index(value)


KIND = Cell201()


@pytest.mark.parametrize(
    "text",
    [
        TEXT,
        f"Structure(4 nodes with {TEXT})",
        f'"{TEXT}"',
        "0",
        "((('avg_pool_3x3', 0),), (('nor_conv_1x1', 0), ('skip_connect', 1)), "
        "(('nor_conv_1x1', 0), ('skip_connect', 1), ('skip_connect', 2)))",
        '[[["avg_pool_3x3", 0]], [["nor_conv_1x1", 0], ["skip_connect", 1]], '
        '[["nor_conv_1x1", 0], ["skip_connect", 1], ["skip_connect", 2]]]',
    ],
)
def test_the_kind_reads_every_form(text: str) -> None:
    assert KIND.read(text) == TEXT == KIND.setting(TEXT, None)
    KIND.check(KIND.read(text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{TEXT}\n{TEXT}", "holds 2 cells"),
        ("99999", "numbered from 0"),
        ("((1, 2)", "neither"),
        ("nothing", "."),
        (TEXT.replace("avg_pool_3x3", "conv"), "no operation 'conv'"),
    ],
)
def test_the_kind_refuses_other_texts(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        KIND.read(text)


def test_the_kind_compares_describes_and_sketches() -> None:
    other = Cell.parse(TEXT).changed(0, "none").string
    assert KIND.likeness(TEXT, other) == 5 / 6
    assert KIND.describe(TEXT, None, None).splitlines() == [TEXT, "number 0"]
    sketch = KIND.sketch(other)
    assert sketch is not None
    assert "avg_pool_3x3" not in sketch[0].split(">", 1)[1]
    with pytest.raises(ValueError, match="string is needed"):
        KIND.check(3)
