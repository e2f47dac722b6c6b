"""Architectures as the controller writes them: whole numbers, one after the other. No torch.

A layer is the number of its operation, followed by one bit for each earlier layer: 1 adds that
layer's output to its own. Twelve layers are 12 + 66 = 78 tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt

OPERATIONS = (
    "conv-8",
    "conv-4",
    "conv-8-dilated",
    "conv-4-dilated",
    "max-pool",
    "average-pool",
    "identity",
)
"""By their tokens, 0 to 6; convolutions with their kernel size, dilated ones by 10."""

POOL = 4
"""Positions that a pool sees, and to one of which a reduction brings them."""
STAGES = 4
"""Parts of the network between which channels double."""

Layer = tuple[str, tuple[int, ...]]
"""An operation, and the earlier layers, from 0, whose outputs are added to its own."""


def token_count(layers: int) -> int:
    """Return how many tokens so many layers have."""
    return layers * (layers + 1) // 2


def boundaries(layers: int) -> tuple[int, ...]:
    """Return the layers, from 0, after which channels double and positions fall to a quarter.

    Of twelve layers these are 2, 5 and 8; the stages are equally long, but for a longer last one.
    """
    length = max(1, layers // STAGES)
    return tuple(k * length - 1 for k in range(1, STAGES) if k * length < layers)


def stage(layer: int, layers: int) -> int:
    """Return in which of the stages, from 0, a layer is."""
    return sum(layer > each for each in boundaries(layers))


def positions(length: int, layers: int) -> int:
    """Return how many of ``length`` positions the last stage has.

    Raises:
        ValueError: a reduction would find one position, which it cannot reduce.
    """
    ends, left = len(boundaries(layers)), length
    for _ in range(ends):
        if left < 2:
            least = POOL ** (ends - 1) + 1
            raise ValueError(
                f"sequences of {length} positions are too short for {layers} layers, which reduce "
                f"them {ends} times by {POOL}: {least} are the fewest"
            )
        left = -(-left // POOL)
    return left


def from_tokens(tokens: Sequence[int]) -> list[Layer]:
    """Return the layers that tokens stand for.

    Raises:
        ValueError: they break the layout; the line has the place, counted from 1.
    """
    count = (isqrt(8 * len(tokens) + 1) - 1) // 2
    if not tokens or token_count(count) != len(tokens):
        near = max(1, count)
        raise ValueError(
            f"{len(tokens)} tokens are no architecture: {near} layers have {token_count(near)} "
            f"tokens, {near + 1} have {token_count(near + 1)}"
        )
    layers: list[Layer] = []
    for number in range(count):
        start = token_count(number)
        operation, *bits = tokens[start : start + number + 1]
        if not 0 <= operation < len(OPERATIONS):
            raise ValueError(
                f"token {start + 1}, the operation of layer {number}, is one of 0 to "
                f"{len(OPERATIONS) - 1}, not {operation}"
            )
        for earlier, bit in enumerate(bits):
            if bit not in (0, 1):
                raise ValueError(
                    f"token {start + earlier + 2}, whether layer {number} adds layer {earlier}, "
                    f"is 0 or 1, not {bit}"
                )
        skips = tuple(earlier for earlier, bit in enumerate(bits) if bit)
        layers.append((OPERATIONS[operation], skips))
    return layers


def to_tokens(layers: Sequence[Layer]) -> list[int]:
    """Return the tokens of layers."""
    tokens = []
    for number, (operation, skips) in enumerate(layers):
        tokens.append(OPERATIONS.index(operation))
        tokens += [int(earlier in skips) for earlier in range(number)]
    return tokens


def reductions(layers: Sequence[Layer]) -> list[tuple[int, int]]:
    """Return (layer, stage) of each output that is brought to a later stage, in order.

    A layer takes the output of the layer before and adds those of others, all of them at its own
    stage; what crosses several stages passes through each of them, once for all that use it.
    """
    needed = set()
    for number, (_, skips) in enumerate(layers):
        own = stage(number, len(layers))
        for source in {*skips, number - 1} - {-1}:
            needed |= {(source, s) for s in range(stage(source, len(layers)) + 1, own + 1)}
    return sorted(needed, key=lambda pair: (pair[1], pair[0]))
