"""Decoding: the original's answers, and what trying everything gives."""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable

import numpy as np
import pytest

from kit.spaces.auto_deeplab.decoding import decode, decode_cell, decode_path, normalise
from kit.spaces.auto_deeplab.kind import Trellis
from kit.spaces.auto_deeplab.layout import first_edge, levels, sources
from kit.spaces.names import OPERATIONS
from tests.spaces.auto_deeplab.originals import VALUES, by_place, named


@pytest.mark.parametrize("kind", VALUES["decoded"])
def test_the_original_decodes_the_same(kind: str) -> None:
    alphas, betas = by_place(kind, 20, 8).tolist(), by_place(kind, 12, 4, 3).tolist()
    found, known = decode(alphas, betas), VALUES["decoded"][kind]
    assert found["path"] == known["path"]
    if known["cell"] is not None:  # else some edges are equally strong but for rounding
        assert found["cell"] == named(known["cell"])
    Trellis().check(found)


@pytest.mark.parametrize("seed", range(20))
def test_the_best_of_all_paths(seed: int) -> None:
    layers = 7
    betas = np.random.default_rng(seed).normal(size=(layers, 4, 3)).tolist()
    chances = normalise(betas)

    def product(path: Iterable[int]) -> float:
        steps = itertools.pairwise((0, *path))
        return math.prod(chances[n][a][b - a + 1] for n, (a, b) in enumerate(steps))

    paths = [
        path
        for path in itertools.product(range(4), repeat=layers)
        if all(abs(a - b) <= 1 for a, b in itertools.pairwise((0, *path)))
    ]
    assert len(paths) > 500
    assert all(level in levels(n) for path in paths for n, level in enumerate(path))
    assert decode_path(betas) == list(max(paths, key=product))


def test_what_ties_are_broken_by() -> None:
    """All steps alike: back from the finest level, from the coarser one wherever there is one."""
    flat = [[[0.0] * 3] * 4] * 6
    assert decode_path(flat) == [1, 2, 3, 2, 1, 0]
    assert decode_cell([[0.0] * 8] * 5) == [[n, "none"] for n in (0, 1, 2, 3)]


@pytest.mark.parametrize("seed", range(5))
def test_the_best_of_all_pairs_of_edges(seed: int) -> None:
    alphas = np.random.default_rng(seed).normal(size=(20, 8))
    powers = np.exp(alphas)
    chances = powers / powers.sum(1, keepdims=True)
    rows = decode_cell(alphas.tolist())
    for step in range(5):
        edges = [first_edge(step) + state for state in sources(step)]
        best = max(
            itertools.permutations(edges, 2),
            key=lambda pair: 2 * chances[pair[0], 1:].max() + chances[pair[1], 1:].max(),
        )
        expected = [[edge, OPERATIONS[alphas[edge].argmax()]] for edge in best]
        assert rows[2 * step : 2 * step + 2] == expected


def test_none_is_chosen_only_where_it_may_be() -> None:
    alphas = [[5.0, 0, 1, 0, 0, 0, 0, 0], [5.0, 0, 0, 0, 0, 2, 0, 0]]
    assert decode_cell(alphas) == [[1, "none"], [0, "none"]]
    chosen = decode_cell(alphas, allow_none=False)
    assert chosen == [[1, "sep_conv_5x5"], [0, "avg_pool_3x3"]]


def test_probabilities_of_steps() -> None:
    first, second, third, last = normalise([[[0.0] * 3] * 4])[0]
    assert first == pytest.approx([0, 1 / 3, 1 / 3])
    assert second == third == pytest.approx([1 / 3] * 3)
    assert last == pytest.approx([1 / 3, 1 / 3, 0])
