"""TE-NAS's ranking of what could be pruned (algorithm 1 and the released code). No torch.

A choice is (cell, edge, operation). Removing it lowers the condition number of the tangent kernel
by some share (the more the better) and the number of linear regions by another (the less the
better). The choice with the lowest sum of both ranks is the best to prune.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

Choice = tuple[int, int, int]
Ranks = tuple[int, int]


def change(full: float, reduced: float, digits: int) -> float:
    """Return the relative decrease of a score, rounded to ``digits``; 0 if the score is 0."""
    return round((full - reduced) / full, digits) if full else 0.0


def ranking(
    kernel: Mapping[Choice, float], regions: Mapping[Choice, float], digits: int
) -> dict[Choice, Ranks]:
    """Return the ranks of all choices by both scores, best to prune first.

    Equal sums stay in the order of the kernel's ranking.

    Args:
        kernel: ``change`` of the condition number, a mean over repeats.
        regions: that of the number of linear regions.
        digits: significant digits by which choices are sorted. Choices that differ only in further
            digits still have different ranks, as in the released code.
    """
    of_kernel = _ranks(kernel, digits, -1)
    of_regions = _ranks(regions, digits, 1)
    both = {choice: (rank, of_regions[choice]) for choice, rank in of_kernel.items()}
    return dict(sorted(both.items(), key=lambda item: sum(item[1])))


def _ranks(changes: Mapping[Choice, float], digits: int, sign: int) -> dict[Choice, int]:
    """Return ranks from 0 on, by the rounded changes; equal changes share one."""
    ordered = sorted(changes, key=lambda choice: sign * significant(changes[choice], digits))
    ranks: dict[Choice, int] = {}
    rank, before = -1, None
    for choice in ordered:
        rank += changes[choice] != before
        ranks[choice], before = rank, changes[choice]
    return ranks


def pruned(ranked: Sequence[Choice], number: int) -> list[Choice]:
    """Return the first ``number`` choices of each edge; edges are in the order of their first."""
    of_edge: dict[tuple[int, int], list[Choice]] = {}
    for choice in ranked:
        of_edge.setdefault(choice[:2], []).append(choice)
    return [choice for choices in of_edge.values() for choice in choices[:number]]


def significant(number: float, digits: int) -> float:
    """Return a number rounded to significant digits.

    Ties are rounded away from 0, by the 1e-8 that the released code adds.
    """
    if number == 0 or not math.isfinite(number):
        return number
    size = abs(number) + 1e-8
    power = math.floor(math.log(size, 10)) + 1
    rounded = round(size * 10.0**-power, digits) * 10.0**power
    return math.copysign(rounded, number)
