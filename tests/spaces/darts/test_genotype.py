"""Genotypes: what is read, what is refused and where."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from kit.spaces.darts.genotype import Genotype, likeness

NORMAL = [
    ("sep_conv_3x3", 1),
    ("skip_connect", 0),
    ("max_pool_3x3", 0),
    ("dil_conv_5x5", 2),
    ("avg_pool_3x3", 3),
    ("sep_conv_5x5", 1),
    ("dil_conv_3x3", 4),
    ("sep_conv_3x3", 0),
]
ONE = Genotype(tuple(NORMAL), (("max_pool_3x3", 0), ("skip_connect", 1), *NORMAL[2:]))
CALL = ONE.text()


@pytest.mark.parametrize(
    "text",
    [
        CALL,
        f"        #'cifar100': {CALL},\n\n",
        f"seed0 = {CALL}",
        CALL.replace("range(2, 6)", "[2, 3, 4, 5]"),
        CALL.replace("Genotype(", "Genotype (\n    ").replace("), (", "),\n    ("),
        CALL.replace("), (", "),\n    # ("),
        json.dumps(ONE.value()),
    ],
)
def test_forms_of_the_originals(text: str) -> None:
    assert Genotype.of(text) == ONE


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"{CALL}\n{CALL}", "it holds 2 genotypes"),
        (CALL[:-1], "closing bracket"),
        (CALL.replace("range(2, 6)", "range(3, 6)", 1), "normal_concat"),
        (CALL.replace("reduce=", "other="), "no part 'other'"),
        ("Genotype(1)", "each part needs its name"),
        ("Genotype(normal=[(f(), 1)])", "normal: no list"),
        ("Genotype(normal=5, reduce=[])", "normal: no list"),
        ("Genotype(normal=[(1 2)])", "cannot be read"),
        (f"Genotype(normal=[({'-' * 100_000}1, 0)])", "nested too deeply"),
        (CALL.replace("reduce=", "normal="), "normal is there twice"),
        ("nothing", "JSON"),
    ],
)
def test_text_that_is_none(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        Genotype.of(text)
    assert "\n" not in str(caught.value)


def changed(cell: str, number: int, edge: Any) -> Any:
    value = copy.deepcopy(ONE.value())
    value[cell][number] = edge
    return value


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (changed("normal", 0, ["conv_7x7", 0]), "normal, node 2, edge 1: there is no operation"),
        (changed("normal", 0, ["none", 0]), "normal, node 2, edge 1: there is no operation"),
        (changed("reduce", 3, ["skip_connect", 3]), "reduce, node 3, edge 2: it reads one of 0"),
        (changed("reduce", 7, ["skip_connect", -1]), "reduce, node 5, edge 2: it reads one of 0"),
        (changed("reduce", 7, ["skip_connect", True]), "reduce, node 5, edge 2: it reads one of 0"),
        (changed("normal", 1, ["skip_connect", 1]), "normal, node 2, edge 2: both edges"),
        (changed("normal", 1, ["skip_connect"]), "normal, node 2, edge 2: no "),
        ({**ONE.value(), "normal": ONE.value()["normal"][1:]}, "normal: 4 nodes .* there are 7"),
        ({**ONE.value(), "third": []}, "no cell 'third'"),
        ({**ONE.value(), "reduce": "x"}, "reduce: no list"),
        ({"normal": ONE.value()["normal"]}, "'reduce' is missing"),
        ([], "normal"),
    ],
)
def test_value_that_does_not_fit(value: Any, said: str) -> None:
    with pytest.raises(ValueError, match=said) as caught:
        Genotype.of(value)
    assert "\n" not in str(caught.value)


def test_likeness_counts_edges_whatever_their_order() -> None:
    swapped = Genotype((NORMAL[1], NORMAL[0], *NORMAL[2:]), ONE.reduce)
    other = Genotype((("dil_conv_3x3", 1), *NORMAL[1:]), ONE.reduce)
    assert likeness(ONE, swapped) == 1
    assert likeness(ONE, other) == 15 / 17
    assert likeness(ONE, other, ["reduce"]) == 1
