"""Networks that cannot be: each space says in one line which argument is wrong."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from kit.spaces import amber, auto_deeplab, darts, densenas, nas_bench_201

EDGES = [["skip_connect", 0], ["skip_connect", 1]] * 4
GENOTYPE = darts.Genotype.of({"normal": EDGES, "reduce": EDGES})
BLOCKS = [densenas.Block(4, 4, 1, 1)]
SMALL: dict[str, Any] = {"channels": 4, "layers": 2}
PAIR: dict[str, Any] = {"inputs": 2, "outputs": 3}
SAMPLE: dict[str, Any] = {"input_shape": (2, 64), "outputs": 3}
MADE: dict[str, tuple[Callable[..., object], dict[str, Any]]] = {
    "darts network": (darts.DartsNetwork, PAIR | SMALL | {"genotype": GENOTYPE}),
    "darts supernet": (darts.DartsSupernet, PAIR | SMALL),
    "cell": (nas_bench_201.CellNetwork, PAIR | {"cell": 0, "channels": 4, "cells": 1}),
    "cells": (nas_bench_201.Supernet, PAIR | {"channels": 4, "cells": 1}),
    "trellis": (auto_deeplab.TrellisSupernet, PAIR | {"filters": 4, "layers": 3, "steps": 2}),
    "child": (amber.child, SAMPLE | {"layers": 12, "width": 4, "hidden": 5}),
    "controller": (amber.Controller, {"layers": 12, "operations": 7, "units": 8}),
    "chain": (densenas.ChainNetwork, SAMPLE | {"blocks": BLOCKS, "dense": False}),
}
NOT_WHOLE: list[Any] = [None, "foo", 0.5, 0, -1, [], np.zeros((2, 3)), torch.zeros(3)]
NOT_SHAPES = [None, 3, (2,), (2, 8, 8, 8), (2, 0), (2.5, 64), np.zeros((2, 3))]
NUMBERS = [
    (name, argument)
    for name, (_, options) in MADE.items()
    for argument, value in options.items()
    if type(value) is int and argument != "cell"
]


@pytest.mark.parametrize(("name", "argument"), NUMBERS)
def test_sizes_are_whole_numbers(name: str, argument: str) -> None:
    make, options = MADE[name]
    for wrong in NOT_WHOLE:
        with pytest.raises(ValueError, match=rf"^{argument} is a whole number from 1 on[^\n]+$"):
            make(**{**options, argument: wrong})
    make(**{**options, argument: np.int64(options[argument])})


@pytest.mark.parametrize("name", ["child", "chain"])
@pytest.mark.parametrize("wrong", NOT_SHAPES)
def test_shapes_of_samples(name: str, wrong: Any) -> None:
    make, options = MADE[name]
    with pytest.raises(ValueError, match=r"^input_shape is \(channels, \*sizes\)[^\n]+$"):
        make(**{**options, "input_shape": wrong})


@pytest.mark.parametrize("name", ["darts network", "darts supernet", "cell", "cells"])
@pytest.mark.parametrize("wrong", [None, 0, 3, "2", 1.5])
def test_dimensions(name: str, wrong: Any) -> None:
    make, options = MADE[name]
    with pytest.raises(ValueError, match=r"^dims is 1 or 2, not "):
        make(**{**options, "dims": wrong})


@pytest.mark.parametrize(
    ("make", "argument"),
    [
        (lambda **word: darts.DartsSupernet(2, 3, channels=4, layers=1, **word), "reduction"),
        (lambda **word: darts.DartsNetwork(GENOTYPE, 2, 3, **word), "reduction"),
        (darts.Mixtures, "weighing"),
        (darts.Mixtures, "start"),
        (darts.Mixtures, "beta_simplex"),
        (lambda **word: auto_deeplab.TrellisSupernet(2, 3, **word), "layer_1_beta"),
        (lambda **word: auto_deeplab.TrellisNetwork(2, 3, [0], [], **word), "op_order"),
    ],
)
@pytest.mark.parametrize("wrong", [None, "foo", ["foo"], np.zeros((2, 3))])
def test_words_that_there_are_not(make: Callable[..., object], argument: str, wrong: Any) -> None:
    with pytest.raises(ValueError, match=rf"^{argument} is one of [^\n]+$"):
        make(**{argument: wrong})


def test_cells_tokens_and_tables() -> None:
    calls: list[tuple[Callable[[Any], object], str]] = [
        (nas_bench_201.Cell.parse, "the string of a cell is text, not "),
        (nas_bench_201.merged, "tables are a list of tables"),
        (amber.from_tokens, "tokens are a list of whole numbers, not "),
        (lambda wrong: nas_bench_201.Counter(wrong, 3), "sample_shape is "),
        (lambda wrong: nas_bench_201.Counter((2, 8), wrong), "outputs is a whole number"),
    ]
    for call, words in calls:
        for wrong in (None, 0.5, [None], np.zeros((2, 3)), torch.zeros(())):
            with pytest.raises(ValueError, match=rf"^{words}[^\n]*$"):
                call(wrong)
    with pytest.raises(ValueError, match="there is no table to be merged"):
        nas_bench_201.merged([])


def test_alphas_and_betas_are_of_the_trellis() -> None:
    alphas, betas = [[0.1] * 8] * 5, [[[0.1] * 3] * 4] * 3
    assert len(auto_deeplab.decode(alphas, betas)["path"]) == 3
    for changed, words in (
        ({"alphas": alphas[:3]}, "alphas have 3 rows"),
        ({"alphas": [[0.1] * 7] * 5}, r"alphas\[0\] is a list of 8, not 7 of them"),
        ({"alphas": [[float("nan")] * 8] * 5}, r"alphas\[0\]\[0\] is a finite number, not nan"),
        ({"alphas": None}, "alphas is a list of some, not None"),
        ({"betas": []}, "betas is a list of some, not 0 of them"),
        ({"betas": [[[0.1] * 3] * 3] * 3}, r"betas\[0\] is a list of 4, not 3 of them"),
        ({"betas": [[["a"] * 3] * 4] * 3}, r"betas\[0\]\[0\]\[0\] is a finite number, not 'a'"),
    ):
        with pytest.raises(ValueError, match=rf"^{words}[^\n]*$"):
            auto_deeplab.decode(**{"alphas": alphas, "betas": betas, **changed})  # type: ignore[arg-type]


def test_genotypes_are_of_their_class() -> None:
    with pytest.raises(ValueError, match=r"^genotype is a Genotype, .*, not dict$"):
        darts.DartsNetwork(GENOTYPE.value(), 2, 3)  # type: ignore[arg-type]


def test_functions_and_devices_of_a_search() -> None:
    data = [(torch.randn(4, 2, 8), torch.randint(3, (4,)))]
    changed: list[tuple[dict[str, Any], str]] = [
        ({"loss": None}, "loss is a function, not None"),
        ({"loss": nn.CrossEntropyLoss}, r"give CrossEntropyLoss\(\)"),
        ({"progress": 3}, "progress is a function, not 3"),
        ({"device": "foo"}, "device 'foo' is none of torch"),
        ({"device": None}, "device None is none of torch"),
    ]
    for changes, words in changed:
        with pytest.raises(ValueError, match=words):
            darts.darts_search(data, data, outputs=3, **changes)
