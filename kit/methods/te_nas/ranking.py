"""TE-NAS's ranking of what could be pruned (algorithm 1 and the released code). No torch.

A choice is (cell, edge, operation). Of each it is known by which share its going lowers the
condition number of the tangent kernel (the more the better) and the number of linear regions (the
less the better); what is best to prune has the lowest sum of both ranks.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

Choice = tuple[int, int, int]
Ranks = tuple[int, int]


def change(full: float, reduced: float, digits: int) -> float:
    """Return by which share of itself a score goes down, rounded; of nothing, that is nothing."""
    return round((full - reduced) / full, digits) if full else 0.0


def ranking(
    kernel: Mapping[Choice, float], regions: Mapping[Choice, float], digits: int
) -> dict[Choice, Ranks]:
    """Return the ranks of all choices by both scores, best to prune first.

    Equal sums stay in the order of the kernel's ranking.

    Args:
        kernel: ``change`` of the condition number, a mean over repeats.
        regions: that of the number of linear regions.
        digits: significant ones by which choices are sorted. Neighbours that differ behind these
            have different ranks all the same, as the released code has it.
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
    """Return the first choices of each edge, ``number`` of them, edges in the order ranked."""
    of_edge: dict[tuple[int, int], list[Choice]] = {}
    for choice in ranked:
        of_edge.setdefault(choice[:2], []).append(choice)
    return [choice for choices in of_edge.values() for choice in choices[:number]]


def significant(number: float, digits: int) -> float:
    """Return a number with so many significant digits.

    What is exactly between two of them goes away from 0, by the 1e-8 that the released code adds.
    """
    if number == 0 or not math.isfinite(number):
        return number
    size = abs(number) + 1e-8
    power = math.floor(math.log(size, 10)) + 1
    rounded = round(size * 10.0**-power, digits) * 10.0**power
    return math.copysign(rounded, number)
