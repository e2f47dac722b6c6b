"""Architectures as sequences of tokens, which are integers that the controller samples. No torch.

The tokens of a layer are the index of its operation, then one bit for each earlier layer: 1 if the
output of that layer is added to its own. Twelve layers have 12 + 66 = 78 tokens.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import isqrt
from numbers import Integral

from kit.errors import plain

OPERATIONS = (
    "conv-8",
    "conv-4",
    "conv-8-dilated",
    "conv-4-dilated",
    "max-pool",
    "average-pool",
    "identity",
)
"""Names of the operations, whose index is their token; convolutions contain the kernel size."""

POOL = 4
"""Size of all poolings; also the stride of reductions."""
STAGES = 4
"""Largest number of stages, the parts of the network between which channels double."""

Layer = tuple[str, tuple[int, ...]]
"""An operation, and the skips: earlier layers, from 0, whose outputs are added to its output."""


def token_count(layers: int) -> int:
    """Return the number of tokens of an architecture with a number of layers."""
    return layers * (layers + 1) // 2


def boundaries(layers: int) -> tuple[int, ...]:
    """Return the layers, from 0, after which channels double and positions fall to a quarter.

    For twelve layers, these are 2, 5 and 8. All stages have as many layers, except that the last
    one may have more.

    Args:
        layers: number of layers.
    """
    length = max(1, layers // STAGES)
    return tuple(k * length - 1 for k in range(1, STAGES) if k * length < layers)


def stage(layer: int, layers: int) -> int:
    """Return the stage, from 0, of a layer, from 0, in a network with a number of layers."""
    return sum(layer > each for each in boundaries(layers))


def positions(length: int, layers: int) -> int:
    """Return the number of positions in the last stage.

    Args:
        length: number of positions of a sample.
        layers: number of layers.

    Raises:
        ValueError: the sequence is too short: a reduction would get a single position.
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
    """Return the layers of an architecture that is given as tokens.

    Raises:
        ValueError: the tokens are invalid; the message has the place, counted from 1.
    """
    if not isinstance(tokens, Sequence) or not all(isinstance(each, Integral) for each in tokens):
        raise ValueError(f"tokens are a list of whole numbers, not {plain(repr(tokens))}")
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
    """Return the tokens of an architecture that is given as layers."""
    tokens = []
    for number, (operation, skips) in enumerate(layers):
        tokens.append(OPERATIONS.index(operation))
        tokens += [int(earlier in skips) for earlier in range(number)]
    return tokens


def reductions(layers: Sequence[Layer]) -> list[tuple[int, int]]:
    """Return (layer, stage) of each output that is reduced to a later stage, by stage and layer.

    The output of the previous layer and the outputs that are added must be at the stage of a layer.
    An output that crosses several stages is reduced step by step, once for all layers that use it.
    """
    needed = set()
    for number, (_, skips) in enumerate(layers):
        current = stage(number, len(layers))
        for source in {*skips, number - 1} - {-1}:
            needed |= {(source, s) for s in range(stage(source, len(layers)) + 1, current + 1)}
    return sorted(needed, key=lambda pair: (pair[1], pair[0]))
