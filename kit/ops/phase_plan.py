"""How an AggConv on images is taken apart by dilations: which ways there are, and the cheapest."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

from kit.ops.dft import is_short
from kit.ops.plan import ConvShape

GAIN = 0.9
"""At most this share of the time in one piece is worth the memory."""


@dataclass(frozen=True)
class Part:
    """Candidates that are computed together.

    factor: their phases are every so many positions; chosen: which candidates; conv: of one phase.
    """

    factor: int
    chosen: tuple[int, ...]
    conv: ConvShape


def serves(conv: ConvShape) -> bool:
    """Whether the candidates of a dilation combine positions of one residue, and there are others.

    Kernels of even size are shifted against the others, by less than a dilation.
    """
    odd = all(k % 2 for k in conv.kernel_sizes)
    plain = len(conv.sizes) == 2 and conv.stride == conv.groups == 1
    return odd and plain and max(conv.dilations) > 1


@lru_cache(maxsize=256)
def divide(conv: ConvShape, together: int) -> tuple[Part, ...]:
    """The parts where so many of the smallest dilations stay together."""
    ordered = sorted(set(conv.dilations))
    groups = [(1, ordered[:together])] if together else []
    groups += [(d, [d]) for d in ordered[together:]]
    parts = []
    for factor, members in groups:
        chosen = tuple(
            index
            for index in range(len(conv.kernel_sizes) * len(conv.dilations))
            if conv.dilations[index % len(conv.dilations)] in members
        )
        dilations = tuple(d // factor for d in conv.dilations if d in members)
        sizes = tuple(-(-n // factor) for n in conv.sizes)
        parts.append(Part(factor, chosen, ConvShape(sizes, conv.kernel_sizes, dilations, 1, 1)))
    return tuple(parts)


def cost(part: Part, batch: int, channels: int, outputs: int) -> float:
    """What a forward and backward pass of a part takes, about: nanoseconds of one CPU core.

    The numbers fit times of 113 shapes on one processor; only what they say of each other counts.
    """
    conv, pairs, planes = part.conv, channels * outputs, channels + outputs
    samples = batch * part.factor**2
    frequencies = conv.lengths[0] * (conv.lengths[1] // 2 + 1)
    slots = len(set(conv.dilations)) * min(max(conv.kernel_sizes), max(conv.sizes))
    kernel = pairs * (1.5 + 0.09 * slots)
    product = max(1800.0, pairs * (1.35 + 0.25 * samples))  # small matrices take a call's time
    data = samples * planes * (1.2 + 0.17 * conv.lengths[0] if is_short(conv) else 16.0)
    total = frequencies * (kernel + product + data)
    if part.factor > 1:
        total += 1e6 + 8.0 * samples * planes * math.prod(conv.sizes)
    return total


@lru_cache(maxsize=256)
def best(
    conv: ConvShape, batch: int, channels: int, outputs: int
) -> tuple[tuple[Part, ...], float]:
    """The division that costs least, and its cost over that of one piece."""
    count = len(set(conv.dilations))
    costs = {}
    for together in range(count + 1):
        parts = divide(conv, together)
        costs[parts] = sum(cost(part, batch, channels, outputs) for part in parts)
    found = min(costs, key=costs.__getitem__)
    return found, costs[found] / costs[divide(conv, count)]
