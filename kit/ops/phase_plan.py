"""Ways to divide an AggConv on images by dilations, and the choice of the cheapest."""

from __future__ import annotations

import itertools
import math
from dataclasses import dataclass
from functools import lru_cache

from kit.ops.dft import is_short
from kit.ops.plan import ConvShape

GAIN = 0.9
"""Phases need more memory, and are used only below this share of the time of one piece."""


@dataclass(frozen=True)
class Part:
    """Candidates that are computed together.

    Attributes:
        factor: a phase takes every factor-th position of each axis.
        chosen: indices of the candidates.
        conv: the convolution of one phase.
    """

    factor: int
    chosen: tuple[int, ...]
    conv: ConvShape


def serves(conv: ConvShape) -> bool:
    """Whether a convolution can be divided into phases.

    It must be dense, on two axes, of stride 1 and with a dilation above 1. Its kernels must be of
    odd size: the taps of even ones lie between the multiples of their dilation.
    """
    odd = all(k % 2 for k in conv.kernel_sizes)
    plain = len(conv.sizes) == 2 and conv.stride == conv.groups == 1
    return odd and plain and max(conv.dilations) > 1


@lru_cache(maxsize=256)
def divide(conv: ConvShape, together: int) -> tuple[Part, ...]:
    """Return the parts if the `together` smallest dilations form one and each other its own."""
    ordered = sorted(set(conv.dilations))
    groups = [(1, ordered[:together])] if together else []
    groups += [(d, [d]) for d in ordered[together:]]
    parts = []
    for factor, members in groups:
        pairs = itertools.product(conv.kernel_sizes, conv.dilations)
        chosen = tuple(index for index, (_, d) in enumerate(pairs) if d in members)
        dilations = tuple(d // factor for d in conv.dilations if d in members)
        sizes = tuple(-(-n // factor) for n in conv.sizes)
        parts.append(Part(factor, chosen, ConvShape(sizes, conv.kernel_sizes, dilations, 1, 1)))
    return tuple(parts)


def cost(part: Part, batch: int, channels: int, outputs: int) -> float:
    """Estimate the nanoseconds of one CPU core for a forward and backward pass of a part.

    The constants were fitted to the times of 113 shapes on one processor; only ratios of estimates
    are used.
    """
    conv, pairs, planes = part.conv, channels * outputs, channels + outputs
    samples = batch * part.factor**2
    frequencies = conv.lengths[0] * (conv.lengths[1] // 2 + 1)
    slots = len(set(conv.dilations)) * min(max(conv.kernel_sizes), max(conv.sizes))
    kernel = pairs * (1.5 + 0.09 * slots)
    product = max(1800.0, pairs * (1.35 + 0.25 * samples))  # at least the overhead of a call
    data = samples * planes * (1.2 + 0.17 * conv.lengths[0] if is_short(conv) else 16.0)
    total = frequencies * (kernel + product + data)
    if part.factor > 1:
        total += 1e6 + 8.0 * samples * planes * math.prod(conv.sizes)
    return total


@lru_cache(maxsize=256)
def best(
    conv: ConvShape, batch: int, channels: int, outputs: int
) -> tuple[tuple[Part, ...], float]:
    """Return the cheapest division, and its cost divided by that of one piece."""
    count = len(set(conv.dilations))
    costs = {}
    for together in range(count + 1):
        parts = divide(conv, together)
        costs[parts] = sum(cost(part, batch, channels, outputs) for part in parts)
    cheapest = min(costs, key=costs.__getitem__)
    return cheapest, costs[cheapest] / costs[divide(conv, count)]
