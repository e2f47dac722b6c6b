"""From alphas and betas to an architecture: the best path and the best edges. No torch.

It follows section 4.3 of Auto-DeepLab and the code of NAS-Bench-360; ties go to the first.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from kit.search import arguments
from kit.spaces.auto_deeplab.layout import LEVELS, first_edge, levels, sources
from kit.spaces.names import OPERATIONS

Betas = Sequence[Sequence[Sequence[float]]]
Alphas = Sequence[Sequence[float]]
UP, SAME, DOWN = 0, 1, 2
"""Columns of betas: the level to which a step leads minus the level before, plus 1."""


def decode(alphas: Alphas, betas: Betas, *, allow_none: bool = True) -> dict[str, Any]:
    """Return the architecture ``{"path": [level, ...], "cell": [[edge, operation], ...]}``.

    Args:
        alphas: (edges, operations), logits.
        betas: (layers, levels, 3), logits of the steps up, same and down from each level.
        allow_none: whether a chosen edge may get the operation ``none``, as in the released code.

    Raises:
        ValueError: alphas or betas are of another shape, or not finite.
    """
    edges, layers = (len(each) if isinstance(each, Sequence) else 0 for each in (alphas, betas))
    arguments.check_numbers(alphas, (edges, len(OPERATIONS)), "alphas")
    if edges not in {first_edge(step) for step in range(edges + 1)}:
        raise ValueError(f"alphas have {edges} rows, which are not the edges of whole steps")
    arguments.check_numbers(betas, (layers, LEVELS, 3), "betas")
    return {"path": decode_path(betas), "cell": decode_cell(alphas, allow_none=allow_none)}


def normalise(betas: Betas) -> list[list[list[float]]]:
    """Return the probabilities of the steps from each level, (layers, levels, 3).

    From the finest and the coarsest level, one of the three steps is impossible and has probability
    0; those of the two others sum to 2/3.

    Args:
        betas: (layers, levels, 3), logits.
    """
    return [[_steps(level, logits) for level, logits in enumerate(layer)] for layer in betas]


def decode_path(betas: Betas) -> list[int]:
    """Return the most probable path, as the level after each layer (Viterbi's algorithm).

    Ties go to the path that ends on the finest level and, going back, to the coarser level before.

    Args:
        betas: (layers, levels, 3), logits.
    """
    best = [1.0] + [0.0] * (LEVELS - 1)
    origins_of_layers: list[list[int]] = []
    for layer, probabilities in enumerate(normalise(betas)):
        scores, back = [0.0] * LEVELS, [0] * LEVELS
        for level in levels(layer):
            # In the order of the columns of betas: from the coarser, the same, the finer level.
            origins = [level + 1 - step for step in (UP, SAME, DOWN)]
            products = {
                origin: best[origin] * probabilities[origin][level - origin + 1]
                for origin in origins
                if 0 <= origin < LEVELS
            }
            back[level] = max(products, key=lambda origin: products[origin])
            scores[level] = products[back[level]]
        best = scores
        origins_of_layers.append(back)
    path = [best.index(max(best))]
    for back in reversed(origins_of_layers[1:]):
        path.append(back[path[-1]])
    return path[::-1]


def decode_cell(alphas: Alphas, *, allow_none: bool = True) -> list[list[int | str]]:
    """Return two rows [edge, operation] for each step, the stronger edge first.

    The strength of an edge is the largest probability of its operations other than ``none``.

    Args:
        alphas: (edges, operations), logits.
        allow_none: whether a chosen edge may get the operation ``none``.
    """
    rows: list[list[int | str]] = []
    step = 0
    while first_edge(step) < len(alphas):
        chances = [_softmax(alphas[first_edge(step) + state]) for state in sources(step)]
        # Sorting is stable, also with ``reverse``.
        strongest = sorted(sources(step), key=lambda state: max(chances[state][1:]), reverse=True)
        for state in strongest[:2]:
            start = 0 if allow_none else 1
            allowed = chances[state][start:]
            operation = OPERATIONS[start + allowed.index(max(allowed))]
            rows.append([first_edge(step) + state, operation])
        step += 1
    return rows


def _steps(level: int, logits: Sequence[float]) -> list[float]:
    """Return the probabilities of the three steps from a level, given their logits."""
    if level == 0:
        return [0.0, *(2 / 3 * chance for chance in _softmax(logits[1:]))]
    if level == LEVELS - 1:
        return [*(2 / 3 * chance for chance in _softmax(logits[:2])), 0.0]
    return _softmax(logits)


def _softmax(logits: Sequence[float]) -> list[float]:
    """Return the softmax of logits."""
    largest = max(logits)
    powers = [math.exp(logit - largest) for logit in logits]
    # The exact sum does not depend on the order of the logits, so that equal edges tie.
    total = math.fsum(powers)
    return [power / total for power in powers]
