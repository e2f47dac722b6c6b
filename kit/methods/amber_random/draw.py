"""The draw of layers."""

from __future__ import annotations

from kit.seeding import generator
from kit.spaces.amber import OPERATIONS, Layer


def draw(layers: int, seed: int) -> list[Layer]:
    """Return ``layers`` layers drawn by a seed alone; all networks of that size are equally likely.

    Operations are drawn uniformly, and each earlier layer is added with probability one half.
    """
    random = generator(seed, "architecture")
    drawn: list[Layer] = []
    for number in range(layers):
        operation = OPERATIONS[random.integers(len(OPERATIONS))]
        added = random.integers(2, size=number)
        drawn.append((operation, tuple(earlier for earlier in range(number) if added[earlier])))
    return drawn
