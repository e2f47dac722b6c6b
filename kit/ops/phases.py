"""AggConv on images with its large dilations taken apart.

A convolution of dilation d only ever combines positions of one residue mod d, per axis. On each of
these d^2 phases of the data it is undilated and reaches d times less far, so that its transform is
short and all phases share one kernel spectrum. That costs transforms of the data once per dilation,
and saves most of the kernel's spectrum, which is what counts where the batch is small and there are
many channels. The smallest dilations may stay together in one transform of the data as they are.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad

from kit.ops.dft import dft_matmul, is_short
from kit.ops.fourier import fourier
from kit.ops.plan import ConvShape
from kit.ops.precision import Gradients, backward_pass

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


def phases(
    x: Tensor, weights: Sequence[Tensor], alpha: Tensor, conv: ConvShape, memory: str
) -> Tensor:
    """The sum over parts; a problem that has no phases is one part, see `serves`."""
    if not serves(conv):
        return _whole(x, weights, alpha, conv, memory)
    parts = best(conv, x.shape[0], x.shape[1], weights[0].shape[0])[0]
    coefficients = alpha.unbind()
    results = [
        _whole(
            data,
            [weights[index] for index in part.chosen],
            torch.stack([coefficients[index] for index in part.chosen]),
            part.conv,
            memory,
        )
        for part, data in zip(parts, _Split.apply(x, parts), strict=True)
    ]
    joined: Tensor = _Join.apply(parts, conv.sizes, *results)
    return joined


def _whole(
    x: Tensor, weights: Sequence[Tensor], alpha: Tensor, conv: ConvShape, memory: str
) -> Tensor:
    """A problem in one piece."""
    return (dft_matmul if is_short(conv) else fourier)(x, weights, alpha, conv, memory)


def _padded(parts: Sequence[Part]) -> list[int]:
    """Sizes at which all phases of all parts are whole."""
    return [max(part.factor * part.conv.sizes[axis] for part in parts) for axis in (0, 1)]


def _phases(padded: Tensor, part: Part) -> Tensor:
    """(factor, factor, B, C, m_1, m_2), a view of what is long enough for whole phases."""
    factor, (rows, columns) = part.factor, part.conv.sizes
    whole = padded[..., : rows * factor, : columns * factor]
    parts = whole.unflatten(3, (columns, factor)).unflatten(2, (rows, factor))
    return parts.permute(3, 5, 0, 1, 2, 4)


def _split(x: Tensor, parts: Sequence[Part]) -> tuple[Tensor, ...]:
    """The phases (factor^2 B, C, m_1, m_2) of every part, as samples, as their transform wants."""
    rows, columns = _padded(parts)
    padded = pad(x, (0, columns - x.shape[3], 0, rows - x.shape[2]))
    found = []
    for part in parts:
        places = _phases(padded, part)
        if is_short(part.conv):
            positions = places.permute(4, 5, 0, 1, 2, 3).contiguous()
            found.append(positions.flatten(2, 4).permute(2, 3, 0, 1))
        else:
            found.append(places.flatten(0, 2).contiguous())
    return tuple(found)


def _join(results: Sequence[Tensor], parts: Sequence[Part], sizes: Sequence[int]) -> Tensor:
    """The adjoint: phases back in their places, summed over parts."""
    samples, channels = len(results[0]) // parts[0].factor ** 2, results[0].shape[1]
    total = results[0].new_zeros(samples, channels, *_padded(parts))
    for result, part in zip(results, parts, strict=True):
        places = _phases(total, part)
        places += result.view(places.shape)
    return total[..., : sizes[0], : sizes[1]]


class _Split(torch.autograd.Function):
    @staticmethod
    def forward(ctx: Any, x: Tensor, parts: tuple[Part, ...]) -> tuple[Tensor, ...]:
        ctx.parts, ctx.sizes = parts, x.shape[2:]
        return _split(x, parts)

    @staticmethod
    @backward_pass
    def backward(ctx: Any, *gradients: Tensor) -> Gradients:
        return _join(gradients, ctx.parts, ctx.sizes), None


class _Join(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, parts: tuple[Part, ...], sizes: tuple[int, ...], *results: Tensor
    ) -> Tensor:
        ctx.parts = parts
        return _join(results, parts, sizes)

    @staticmethod
    @backward_pass
    def backward(ctx: Any, gradient: Tensor) -> Gradients:
        return None, None, *_split(gradient, ctx.parts)
