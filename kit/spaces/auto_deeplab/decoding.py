"""From alphas and betas to an architecture: the best path and the best edges. No torch.

As Auto-DeepLab's section 4.3 and the code of NAS-Bench-360 have it; where two are equally good the
first one is taken.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kit.spaces.auto_deeplab.layout import LEVELS, first_edge, levels, sources
from kit.spaces.names import OPERATIONS

Betas = Sequence[Sequence[Sequence[float]]]
Alphas = Sequence[Sequence[float]]
UP, SAME, DOWN = 0, 1, 2
"""Columns of betas: the level that a step leads to, less the one it comes from, plus 1."""


def decode(alphas: Alphas, betas: Betas, *, allow_none: bool = True) -> dict[str, Any]:
    """Return the architecture ``{"path": [level, ...], "cell": [[edge, operation], ...]}``.

    Args:
        alphas: (edges, operations), logits.
        betas: (layers, levels, 3), logits of the steps up, same and down from each level.
        allow_none: whether an edge that was chosen may get the operation ``none`` [released].
    """
    return {"path": decode_path(betas), "cell": decode_cell(alphas, allow_none=allow_none)}


def normalise(betas: Betas) -> list[list[list[float]]]:
    """Return the probabilities (layers, levels, 3) of the steps from each level.

    At the ends of the levels one of the three steps is missing; the two others share 2/3.
    """
    return [[_steps(level, logits) for level, logits in enumerate(layer)] for layer in betas]


def decode_path(betas: Betas) -> list[int]:
    """Return the most probable path: the level after each layer (Viterbi's algorithm).

    Where several are, each step back prefers coming from the coarser level; the path ends on the
    finest level.
    """
    best = [1.0] + [0.0] * (LEVELS - 1)
    came: list[list[int]] = []
    for layer, chances in enumerate(normalise(betas)):
        found, back = [0.0] * LEVELS, [0] * LEVELS
        for level in levels(layer):
            # By the column of the step that leads here: from the coarser level, this, the finer.
            origins = [level + 1 - step for step in (UP, SAME, DOWN)]
            products = {
                origin: best[origin] * chances[origin][level - origin + 1]
                for origin in origins
                if 0 <= origin < LEVELS
            }
            back[level] = max(products, key=lambda origin: products[origin])
            found[level] = products[back[level]]
        best = found
        came.append(back)
    path = [best.index(max(best))]
    for back in reversed(came[1:]):
        path.append(back[path[-1]])
    return path[::-1]


def decode_cell(alphas: Alphas, *, allow_none: bool = True) -> list[list[int | str]]:
    """Return two rows [edge, operation] for each step, the stronger edge first.

    An edge is as strong as the most probable of its operations other than ``none``.
    """
    rows: list[list[int | str]] = []
    step = 0
    while first_edge(step) < len(alphas):
        chances = [_softmax(alphas[first_edge(step) + state]) for state in sources(step)]
        # Sorting is stable, backwards too.
        strongest = sorted(sources(step), key=lambda state: max(chances[state][1:]), reverse=True)
        for state in strongest[:2]:
            start = 0 if allow_none else 1
            among = chances[state][start:]
            operation = OPERATIONS[start + among.index(max(among))]
            rows.append([first_edge(step) + state, operation])
        step += 1
    return rows


def _steps(level: int, logits: Sequence[float]) -> list[float]:
    if level == 0:
        return [0.0, *(2 / 3 * chance for chance in _softmax(logits[1:]))]
    if level == LEVELS - 1:
        return [*(2 / 3 * chance for chance in _softmax(logits[:2])), 0.0]
    return _softmax(logits)


def _softmax(logits: Sequence[float]) -> list[float]:
    largest = max(logits)
    powers = [math.exp(logit - largest) for logit in logits]
    # Whatever the order of the logits, so that equal edges are equally strong.
    total = math.fsum(powers)
    return [power / total for power in powers]
